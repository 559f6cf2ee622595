using System.Text.Json;
using System.Text.RegularExpressions;

namespace Afterimage.Reports;

/// <summary>What is wrong with a JSON text, in words of the file and not of .NET.</summary>
internal static partial class JsonFault
{
    /// <summary>One sentence with its full stop.</summary>
    public static string Text(JsonException fault) => fault.Message switch
    {
        var text when Missing().Match(text) is { Success: true } match => $"{Place(fault)} lacks {match.Groups[1].Value}.",
        var text when Unknown().Match(text) is { Success: true } match => $"{Place(fault)} has a member {match.Groups[1].Value}, " +
            "which this version does not know.",
        var text when text.StartsWith("The JSON value could not be converted", StringComparison.Ordinal)
            || text.StartsWith("The ", StringComparison.Ordinal) && text.Contains(" on type '", StringComparison.Ordinal) =>
            $"{Place(fault)} has a value of another kind than expected.",
        var text => text,
    };

    private static string Place(JsonException fault) => fault.Path is { Length: > 0 } path ? path : "$";

    [GeneratedRegex("was missing required properties including: (.*?)\\.?( Path:.*)?$", RegexOptions.Singleline)]
    private static partial Regex Missing();

    [GeneratedRegex("^The JSON property ('.*?') could not be mapped to any .NET member")]
    private static partial Regex Unknown();
}
