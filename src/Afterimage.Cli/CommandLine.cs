namespace Afterimage.Cli;

/// <summary>Command lines as text that a shell reads back.</summary>
internal static class CommandLine
{
    public static string Of(IEnumerable<string> words) => string.Join(' ', words.Where(word => word != "--resume").Select(Quote).Prepend("afterimage"));

    /// <summary>The command that goes on with an audit in its folder.</summary>
    public static string Resuming(string command, string folder) =>
        $"{command}{(command.Contains(" --out ", StringComparison.Ordinal) ? "" : $" --out {Quote(folder)}")} --resume";

    private static string Quote(string word) => word.Length > 0 && word.All(letter => char.IsAsciiLetterOrDigit(letter) || "-_./=,:+@%".Contains(letter, StringComparison.Ordinal))
        ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";
}
