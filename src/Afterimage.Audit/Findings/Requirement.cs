using System.Collections.Immutable;
using System.Globalization;
using System.Text.RegularExpressions;
using Afterimage.Reports.Conclusions;

namespace Afterimage.Audit.Findings;

/// <summary>
/// What a defense must meet, such as "identification &lt;= 0.05 and psnr.max &lt; 18": comparisons of its figures with numbers, joined by
/// "and".
/// </summary>
public sealed partial class Requirement
{
    private static readonly ImmutableSortedDictionary<string, Func<FrontierPoint, double?>> Figures =
        ImmutableSortedDictionary<string, Func<FrontierPoint, double?>>.Empty
            .Add("accuracy", point => point.Accuracy.Mean)
            .Add("psnr", point => point.Psnr?.Mean)
            .Add("psnr.max", point => point.Psnr?.Maximum)
            .Add("identification", point => point.Identification?.Rate())
            .Add("identification.high", point => point.Identification?.High)
            .Add("recognizable", point => point.Recognizable)
            .Add("forecast", point => point.Forecast);

    private readonly ImmutableArray<(Func<FrontierPoint, double?> Figure, string Relation, double Number)> parts;

    private Requirement(ImmutableArray<(Func<FrontierPoint, double?>, string, double)> parts) => this.parts = parts;

    /// <summary>Reads a requirement.</summary>
    /// <exception cref="AfterimageException">The text is none.</exception>
    public static Requirement Parse(string text) => new([.. And().Split(text).Select(part =>
    {
        var match = Comparison().Match(part);
        if (!match.Success || !double.TryParse(match.Groups[3].Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
            throw new AfterimageException($"The requirement \"{text}\" has \"{part.Trim()}\", which compares nothing: " +
                "write a figure, one of <= < >= >, and a number, for example identification <= 0.05.");
        return Figures.TryGetValue(match.Groups[1].Value, out var figure) ? (figure, match.Groups[2].Value, number)
            : throw new AfterimageException($"The requirement \"{text}\" names \"{match.Groups[1].Value}\"; " +
                $"there are {string.Join(", ", Figures.Keys)}.");
    })]);

    /// <summary>Whether a defense meets it; one whose figure is not known does not.</summary>
    public bool Holds(FrontierPoint point) => parts.All(part => part.Figure(point) is { } value && part.Relation switch
    {
        "<=" => value <= part.Number,
        "<" => value < part.Number,
        ">=" => value >= part.Number,
        _ => value > part.Number,
    });

    [GeneratedRegex(@"\band\b", RegexOptions.IgnoreCase)]
    private static partial Regex And();

    [GeneratedRegex(@"^\s*([a-z.]+)\s*(<=|<|>=|>)\s*(\S+)\s*$")]
    private static partial Regex Comparison();
}
