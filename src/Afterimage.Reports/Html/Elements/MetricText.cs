namespace Afterimage.Reports.Html;

/// <summary>Title, unit and number format of a metric.</summary>
internal sealed record MetricText(string Title, string Unit, Func<double, string> Format, bool? HigherIsBetter, string Meaning)
{
    public static MetricText Of(string name) => name switch
    {
        "psnr" => new("PSNR", "dB", value => Numbers.Fixed(value, 1), true, "higher is closer to the truth"),
        "ssim" => new("SSIM", "", value => Numbers.Fixed(value, 3), true, "1 is identical"),
        "ms-ssim" => new("MS-SSIM", "", value => Numbers.Fixed(value, 3), true, "1 is identical, over several scales"),
        "registered-psnr" => new("Registered PSNR", "dB", value => Numbers.Fixed(value, 1), true, "after small shifts and a flip"),
        "feature-distance" => new("Feature distance", "", Numbers.Short, false, "0 where the attacked model cannot tell them apart"),
        "squeeze-distance" => new("SqueezeNet distance", "", Numbers.Short, false, "0 looks alike; not LPIPS"),
        "mse" => new("MSE", "", Numbers.Short, false, "0 is identical"),
        "rank" => new("Rank", "", value => Numbers.Fixed(value, 0), false, "1 identifies the true image in a pool"),
        _ => new(name, "", Numbers.Short, null, ""),
    };

    /// <summary>Names of metrics with the best known ones first.</summary>
    public static IEnumerable<string> InOrder(IEnumerable<string> names) =>
        names.OrderBy(name => name switch { "psnr" => 0, "ssim" => 1, "mse" => 2, _ => 3 }).ThenBy(name => name, StringComparer.Ordinal);

    public string WithUnit(double value) => Unit.Length == 0 ? Format(value) : $"{Format(value)}\u00A0{Unit}";

    public string TitleWithUnit => Unit.Length == 0 ? Title : $"{Title} ({Unit})";

    /// <summary>The baseline that is hardest to beat, by the median of this metric; null when there is none.</summary>
    public (string Name, Spread Spread)? Strongest(string metric, CaseReport found)
    {
        if (HigherIsBetter is not { } higher || !found.Baselines.TryGetValue(metric, out var baselines) || baselines.IsEmpty)
            return null;
        var best = higher ? baselines.MaxBy(pair => pair.Value.Median) : baselines.MinBy(pair => pair.Value.Median);
        return (best.Key, best.Value);
    }
}
