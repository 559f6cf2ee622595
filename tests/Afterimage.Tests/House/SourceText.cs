using System.Text.RegularExpressions;

namespace Afterimage.Tests.House;

/// <summary>Rules that read text: each gives one sentence for every breach.</summary>
internal static partial class SourceText
{
    public const int LongestFile = 350;

    public static IEnumerable<string> TooLong(SourceFile file)
    {
        var lines = file.Text.AsSpan().Count('\n');
        return lines > LongestFile ? [$"{file.Path} has {lines} lines, more than {LongestFile}: let files say one thing each."] : [];
    }

    public static IEnumerable<string> Unfinished(SourceFile file) =>
        Stub().Matches(file.Text).Select(match => $"{file.Path} holds {match.Value}: finish it or leave it out.");

    public static IEnumerable<string> MachinePaths(SourceFile file) =>
        MachinePath().Matches(file.Text).Select(match => $"{file.Path} holds {match.Value}, a path of one machine.");

    // Written so that this file does not breach its own rules.
    [GeneratedRegex(@"\b(TO" + @"DO|FIX" + @"ME|HA" + @"CK|NotImplemented" + @"Exception)\b")]
    private static partial Regex Stub();

    [GeneratedRegex(@"(?<![\w.:/~<])/(wo" + @"rk|tm" + @"p|ro" + @"ot|ho" + @"me|fa" + @"rm)/|\b[A-Z]:\\\\?Us" + @"ers")]
    private static partial Regex MachinePath();
}
