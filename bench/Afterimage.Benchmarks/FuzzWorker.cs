using System.Diagnostics;
using System.Globalization;
using Afterimage.Tests;
using Afterimage.Tests.Fuzzing;
using TorchSharp;

namespace Afterimage.Benchmarks;

/// <summary>A process that reads damaged TorchScript files, for libtorch may end it; it is started anew when that happens.</summary>
internal sealed class FuzzWorker(int seed, string cache) : IDisposable
{
    public const string Command = "fuzz-worker";
    private const double FreeMegabytes = 512;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private Process? child;

    /// <summary>What the worker says of a file, or how it ended.</summary>
    public string Judge(int number)
    {
        child ??= Start();
        child.StandardInput.WriteLine(number.ToString(CultureInfo.InvariantCulture));
        child.StandardInput.Flush();
        var answer = child.StandardOutput.ReadLineAsync();
        var fault = !answer.Wait(Patience) ? "hung for more than 30 s" : answer.Result is null ? "aborted" : null;
        if (fault is null)
            return answer.Result!;
        Dispose();
        return fault;
    }

    private Process Start()
    {
        var start = new ProcessStartInfo(
            ThisProgram.Host, ThisProgram.Arguments(Command, seed.ToString(CultureInfo.InvariantCulture)))
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment["XDG_CACHE_HOME"] = cache;
        var process = Process.Start(start)!;
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        return process;
    }

    public void Dispose()
    {
        if (child is { HasExited: false })
            child.Kill();
        child?.Dispose();
        child = null;
    }

    /// <summary>The worker's end: one answer for each number on the standard input.</summary>
    public static void Obey(int seed)
    {
        torch.set_num_threads(1);
        using var folder = new TemporaryFolder();
        var reader = new FuzzReader(folder.Path, native: true);
        while (Console.In.ReadLine() is { } line)
        {
            var file = FuzzFile.Damaged(seed, int.Parse(line, CultureInfo.InvariantCulture));
            var before = PeakMemory.Restart();
            var answer = reader.Judge(file);
            var grown = PeakMemory.Megabytes() - before;
            if (grown > FreeMegabytes + 2 * file.Bytes.Length / 1e6)
                answer = FormattableString.Invariant($"grew by {grown:0} MB");
            Console.Out.WriteLine(answer.ReplaceLineEndings(" "));
            Console.Out.Flush();
        }
    }
}
