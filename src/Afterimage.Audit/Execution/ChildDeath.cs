using System.Collections.Immutable;

namespace Afterimage.Audit.Execution;

/// <summary>Why a child process gave no answer, and what to do, in one sentence.</summary>
internal static class ChildDeath
{
    private const int Signals = 128;
    private static readonly ImmutableArray<string> OutOfMemory =
        ["OutOfMemoryException", "bad_alloc", "not enough memory", "can't allocate memory", "CUDA out of memory"];

    // How libstdc++, this program and .NET begin the line that matters.
    private static readonly ImmutableArray<string> Causes = ["what():", "afterimage:", "Unhandled exception."];

    /// <param name="exitCode">As the system gives it: on Unix 128 and the signal.</param>
    /// <param name="messages">What the child wrote on its standard error.</param>
    public static string Advice(int exitCode, IReadOnlyList<string> messages)
    {
        var lines = messages.Select(line => line.Trim()).Where(line => line.Length > 0).ToArray();
        var causes = Causes.SelectMany(mark =>
            lines.Where(line => line.StartsWith(mark, StringComparison.Ordinal)).Select(line => line[mark.Length..]));
        var cause = causes.FirstOrDefault() ?? lines.LastOrDefault();
        var said = cause is null ? "" : $", with the last words \"{cause.Trim().TrimEnd('.')}\"";
        return exitCode - Signals == 9 || messages.Any(line => OutOfMemory.Any(word => line.Contains(word, StringComparison.Ordinal)))
            ? $"The case ended its process ({Name(exitCode)}), most likely because memory ran out: choose a smaller batch, " +
                "an attack that needs less, or fewer cases at once (--parallel)."
            : $"The case ended its process ({Name(exitCode)}){said}: try another --operator or attack, and please report it.";
    }

    private static string Name(int exitCode) => (exitCode - Signals) switch
    {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        9 => "SIGKILL",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        _ => $"exit code {exitCode}",
    };
}
