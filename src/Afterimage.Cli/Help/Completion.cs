using System.CommandLine;
using System.Globalization;
using System.Text.RegularExpressions;
using Afterimage.Cli.Console;

namespace Afterimage.Cli.Help;

/// <summary>
/// Answers the scripts of <see cref="CompletionCommand"/>: <c>afterimage [suggest:POSITION] "afterimage audit --mo"</c> prints what the
/// word at the position may become, one suggestion a line.
/// </summary>
internal static partial class Completion
{
    /// <returns>Whether the arguments are such a question.</returns>
    public static bool Answer(RootCommand root, string[] args, Terminal terminal)
    {
        if (args is not [var directive, var line] || Directive().Match(directive) is not { Success: true } match)
            return false;
        // The name of the program, as the shell knows it, is no word of the command line.
        var start = line.Length - line.TrimStart().Length;
        var end = line.IndexOf(' ', start) is >= 0 and var space ? space + 1 : line.Length;
        var position = int.TryParse(match.Groups[1].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var asked)
            ? asked : line.Length;
        var rest = line[end..];
        foreach (var suggestion in root.Parse(rest).GetCompletions(Math.Clamp(position - end, 0, rest.Length)))
            terminal.Raw.WriteLine(suggestion.InsertText ?? suggestion.Label);
        return true;
    }

    [GeneratedRegex(@"^\[suggest(?::(\d+))?\]$")]
    private static partial Regex Directive();
}
