using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Afterimage.Audit.Judging;
using Afterimage.Reports;
using Afterimage.Reports.Conclusions;

namespace Afterimage.Audit.Findings;

/// <summary>
/// Compares the values of each axis on the same private images: what an attack, a defense or a piece of knowledge changes, image by image.
/// </summary>
public static class PairedComparisons
{
    private const string Metric = "psnr";

    /// <summary>Up to so many values, each is compared with each; beyond, and for what the attacker knows, with the first.</summary>
    private const int MostPairs = 6;

    /// <summary>The axis of `afterimage assumptions`.</summary>
    private const string Knowledge = "threat";

    /// <summary>Comparisons of all axes; none where cases share no images.</summary>
    public static ImmutableArray<PairedComparison> Of(IReadOnlyList<CaseReport> cases) =>
    [
        .. cases.SelectMany(found => found.Axes.Keys).Distinct().Where(axis => !SettingName.Repeats(axis)).Order(StringComparer.Ordinal)
            .SelectMany(axis => Of(axis, cases)),
    ];

    private static List<PairedComparison> Of(string axis, IReadOnlyList<CaseReport> cases)
    {
        string[] values = [.. cases.Select(found => found.Axes.GetValueOrDefault(axis)).OfType<string>().Distinct()];
        var each = values.Length <= MostPairs && axis != Knowledge;
        var tests = new List<PairedComparison>();
        for (var left = 0; left < (each ? values.Length : 1); left++)
            for (var right = left + 1; right < values.Length; right++)
                if (Differences(axis, values[left], values[right], cases) is { Length: > 0 } found)
                    tests.Add(new(axis, values[left], values[right], Metric, found.Length, Spread.Of(found).Median,
                        Quantile(found, 0.25), Quantile(found, 0.75), PairedTests.SignedRank(found), PairedTests.Sign(found)));
        var (ranks, signs) = (PairedTests.Holm([.. tests.Select(test => test.SignedRank)]),
            PairedTests.Holm([.. tests.Select(test => test.Sign)]));
        return [.. tests.Select((test, place) => test with { SignedRank = ranks[place], Sign = signs[place] })];
    }

    private static double[] Differences(string axis, string left, string right, IReadOnlyList<CaseReport> cases)
    {
        var before = Images(axis, left, cases);
        return [.. Images(axis, right, cases).Where(pair => before.ContainsKey(pair.Key)).Select(pair => pair.Value - before[pair.Key])];
    }

    /// <summary>The metric of every image with this value of the axis, by what else tells the images apart.</summary>
    private static Dictionary<string, double> Images(string axis, string value, IReadOnlyList<CaseReport> cases)
    {
        var images = new Dictionary<string, double>();
        foreach (var found in cases.Where(found => found.Axes.GetValueOrDefault(axis) == value))
            foreach (var image in found.Images.Where(image => image.Metrics.ContainsKey(Metric)))
                images[$"{Rest(axis, found)}|{Batch(found)}|{image.Index}"] = image.Metrics[Metric];
        return images;
    }

    private static string Rest(string axis, CaseReport found) =>
        string.Join(",", found.Axes.Where(other => other.Key != axis).Select(other => $"{other.Key}={other.Value}"));

    /// <summary>What decides the private images; equal text, equal images.</summary>
    private static string Batch(CaseReport found)
    {
        var client = JsonNode.Parse(found.Configuration)?["client"];
        string[] members = ["kind", "data", "batchSize", "labels", "mixing", "images", "update", "truth"];
        return $"{found.Seed}|{string.Join("|", members.Select(member => client?[member]?.ToJsonString()))}";
    }

    /// <summary>Between neighbors in order, by linear interpolation.</summary>
    private static double Quantile(double[] values, double share)
    {
        var sorted = values.Order().ToArray();
        var place = share * (sorted.Length - 1);
        var low = (int)place;
        return low + 1 < sorted.Length ? sorted[low] + (place - low) * (sorted[low + 1] - sorted[low]) : sorted[low];
    }
}
