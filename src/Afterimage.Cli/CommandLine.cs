namespace Afterimage.Cli;

/// <summary>Command lines as text that a shell reads back.</summary>
internal static class CommandLine
{
    /// <summary>The command line of these arguments, without --resume.</summary>
    public static string Of(IEnumerable<string> words) =>
        string.Join(' ', words.Where(word => word != "--resume").Select(Quote).Prepend("afterimage"));

    /// <summary>The command line that resumes an audit in its folder.</summary>
    public static string Resuming(string command, string folder) =>
        $"{command}{(command.Contains(" --out ", StringComparison.Ordinal) ? "" : $" --out {Quote(folder)}")} --resume";

    private static string Quote(string word) =>
        word.Length > 0 && word.All(IsPlain) ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static bool IsPlain(char letter) =>
        char.IsAsciiLetterOrDigit(letter) || "-_./=,:+@%".Contains(letter, StringComparison.Ordinal);
}
