namespace Afterimage.Cli;

/// <summary>Command lines as text that a shell reads back.</summary>
internal static class CommandLine
{
    /// <summary>The hidden flag of runs that end with their standard input.</summary>
    public const string UntilInputEnds = "--until-input-ends";

    /// <summary>The command line of these arguments, without --resume and what only its parent process needs.</summary>
    public static string Of(IEnumerable<string> words) =>
        string.Join(' ', words.Where(word => word is not ("--resume" or UntilInputEnds)).Select(Quote).Prepend("afterimage"));

    /// <summary>The command line that resumes an audit in its folder.</summary>
    public static string Resuming(string command, string folder) =>
        $"{command}{(NamesFolder(command) ? "" : $" --out {Quote(folder)}")} --resume";

    /// <exception cref="AfterimageException">The number is less than 1.</exception>
    public static int AtLeastOne(string flag, int value) =>
        value >= 1 ? value : throw new AfterimageException($"{flag} needs a number of at least 1.");

    private static bool NamesFolder(string command) =>
        command.Contains(" --out ", StringComparison.Ordinal) || command.Contains(" -o ", StringComparison.Ordinal);

    private static string Quote(string word) =>
        word.Length > 0 && word.All(IsPlain) ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static bool IsPlain(char letter) =>
        char.IsAsciiLetterOrDigit(letter) || "-_./=,:+@%".Contains(letter, StringComparison.Ordinal);
}
