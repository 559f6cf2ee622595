using System.Collections.Immutable;
using Afterimage.Reports;

namespace Afterimage.Audit.Recipes;

/// <summary>
/// The figures of a recipe's table. Of every image: psnr (dB), baseline (dB, the best of what needs no update), ssim, mse. Of every case:
/// labels (percent right), misfit, forecast (dB) and directions (percent of pixel directions above the update's own noise), converged
/// (percent), evaluations, cpu (s).
/// </summary>
public static class RecipeFigures
{
    /// <summary>All names.</summary>
    public static ImmutableArray<string> Names { get; } =
        ["psnr", "baseline", "ssim", "mse", "labels", "misfit", "forecast", "directions", "converged", "evaluations", "cpu"];

    private static readonly ImmutableArray<string> Statistics = ["min", "median", "mean", "max"];

    /// <summary>Whether a text is a figure and one of min, median, mean, max.</summary>
    public static bool IsStatistic(string text) =>
        text.Split('.') is [var name, var statistic] && Names.Contains(name) && Statistics.Contains(statistic);

    /// <summary>A statistic of a figure; null where no case has it.</summary>
    public static double? Value(IReadOnlyDictionary<string, Spread> figures, string text) =>
        text.Split('.') is [var name, var statistic] && figures.TryGetValue(name, out var spread) ? statistic switch
        {
            "min" => spread.Minimum,
            "median" => spread.Median,
            "mean" => spread.Mean,
            _ => spread.Maximum,
        } : null;

    /// <summary>The spread of every figure over the images and cases of a row.</summary>
    public static ImmutableSortedDictionary<string, Spread> Of(IReadOnlyList<CaseReport> cases) => Names
        .Select(name => (name, Values: cases.SelectMany(found => Values(name, found)).Where(double.IsFinite).ToArray()))
        .Where(figure => figure.Values.Length > 0)
        .ToImmutableSortedDictionary(figure => figure.name, figure => Spread.Of(figure.Values), StringComparer.Ordinal);

    private static IEnumerable<double> Values(string name, CaseReport found) => name switch
    {
        "psnr" or "ssim" or "mse" => found.Images.Where(image => image.Metrics.ContainsKey(name)).Select(image => image.Metrics[name]),
        "baseline" => found.Images.Select(Baseline).OfType<double>(),
        "labels" => found.LabelAccuracy is { } right ? [100 * right] : [],
        "misfit" => found.Images.IsEmpty ? [] : [found.RelativeMisfit],
        "forecast" => found.Leakage?.Forecast().Images is { } bracket ? [(bracket.Low + bracket.High) / 2] : [],
        "directions" => found.Leakage is { } leakage ? [Directions(leakage)] : [],
        "converged" => [found.Outcome == "Converged" ? 100 : 0],
        "evaluations" => [found.Cost.Evaluations],
        _ => [found.Cost.CpuSeconds],
    };

    private static double? Baseline(ImageReport image) => image.Baselines.Values
        .Where(metrics => metrics.ContainsKey("psnr")).Select(metrics => (double?)metrics["psnr"]).Max();

    private static double Directions(CaseLeakage leakage)
    {
        var above = leakage.Forecast().Directions;
        return 50 * (above.Low + above.High) / leakage.Spectrum.Unknowns;
    }
}
