using System.Globalization;
using Afterimage.Numerics;

namespace Afterimage.Audit.Clients;

/// <summary>What an image is said to be, in words: its class, or where outputs have targets of their own, these.</summary>
/// <param name="names">A name for each output.</param>
internal sealed class TargetText(ValueList<string> names)
{
    private const double Near = 1e-6;
    private const int Shown = 6;

    /// <summary>Whether images have one class each, certain or mixed, so that labels can be counted and compared.</summary>
    /// <param name="targets">[B,outputs] row by row; null where classes say it all.</param>
    public bool AreClasses(ValueList<double>? targets) =>
        names.Count > 1 && (targets is not { } rows || rows.Chunk(names.Count).All(row => Math.Abs(row.Sum() - 1) < 1e-3));

    /// <param name="label">The class.</param>
    /// <param name="targets">[B,outputs] row by row; null where classes say it all.</param>
    /// <param name="image">The image's row.</param>
    public string Of(int label, ValueList<double>? targets, int image)
    {
        if (targets is not { } rows || AreClasses(targets))
            return names[label];
        var row = rows.Skip(image * names.Count).Take(names.Count).ToArray();
        if (names.Count == 1 || !Array.TrueForAll(row, target => Math.Min(Math.Abs(target), Math.Abs(target - 1)) < Near))
            return Listed(row.Select(target => target.ToString("G4", CultureInfo.InvariantCulture)));
        var positive = names.Where((_, c) => row[c] > 0.5).ToArray();
        return positive.Length == 0 ? "none" : Listed(positive);
    }

    private static string Listed(IEnumerable<string> words) =>
        string.Join(", ", words.Take(Shown)) + (words.Count() > Shown ? ", ..." : "");
}
