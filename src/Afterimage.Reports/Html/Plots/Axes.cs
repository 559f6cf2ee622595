using System.Globalization;

namespace Afterimage.Reports.Html;

/// <summary>An axis of a sweep.</summary>
/// <param name="Name">Its full name, for example a JSON pointer.</param>
/// <param name="Short">As many of its last segments as distinguish it from the other axes.</param>
/// <param name="Numeric">Whether every value on it is a finite number.</param>
internal sealed record Axis(string Name, string Short, bool Numeric);

/// <summary>The axes of an audit's cases.</summary>
internal static class Axes
{
    public static IReadOnlyList<Axis> Of(AuditReport report)
    {
        string[] names = [.. report.Cases.SelectMany(found => found.Axes.Keys).Distinct().Order(StringComparer.Ordinal)];
        return [.. names.Select(name => new Axis(name, Shorten(name, names),
            report.Cases.Where(found => found.Axes.ContainsKey(name)).All(found => Value(found, name) is not null)))];
    }

    public static double? Value(CaseReport found, string axis) =>
        found.Axes.TryGetValue(axis, out var text) && double.TryParse(text, CultureInfo.InvariantCulture, out var value)
            && double.IsFinite(value)
            ? value
            : null;

    private static string Shorten(string name, string[] all)
    {
        var segments = name.Split('/');
        return Enumerable.Range(1, segments.Length).Select(count => string.Join('/', segments[^count..]))
            .FirstOrDefault(tail => tail.Length > 0
                && all.Count(other => other == tail || other.EndsWith("/" + tail, StringComparison.Ordinal)) == 1, name);
    }
}
