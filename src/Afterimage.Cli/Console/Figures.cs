using System.Globalization;

namespace Afterimage.Cli.Console;

/// <summary>Numbers as the terminal shows them.</summary>
internal static class Figures
{
    public static string Metric(string name, double value) => value switch
    {
        _ when !double.IsFinite(value) => Short(value),
        _ when name == "psnr" => value.ToString("0.0", CultureInfo.InvariantCulture),
        _ when name == "ssim" => value.ToString("0.000", CultureInfo.InvariantCulture),
        _ => Short(value),
    };

    /// <summary>How a metric is called in a heading, with its unit.</summary>
    public static string Title(string metric) => metric switch { "psnr" => "PSNR dB", "ssim" => "SSIM", "mse" => "MSE", _ => metric };

    /// <summary>For example "PSNR 21.3 dB".</summary>
    public static string WithUnit(string metric, double value) => metric == "psnr" ? $"PSNR {Metric(metric, value)} dB" : $"{Title(metric)} {Metric(metric, value)}";

    /// <summary>PSNR and SSIM first: they are what readers know.</summary>
    public static IEnumerable<string> InOrder(IEnumerable<string> metrics) =>
        metrics.OrderBy(name => name switch { "psnr" => 0, "ssim" => 1, "mse" => 2, _ => 3 }).ThenBy(name => name, StringComparer.Ordinal);

    /// <summary>Three significant digits.</summary>
    public static string Short(double value) => value switch
    {
        double.NaN => "not a number",
        double.PositiveInfinity => "∞",
        double.NegativeInfinity => "-∞",
        0 => "0",
        _ => Math.Abs(value) is >= 0.001 and < 10_000 ? value.ToString("G3", CultureInfo.InvariantCulture) : value.ToString("0.0e-0", CultureInfo.InvariantCulture),
    };

    public static string Count(int value) => value.ToString("N0", CultureInfo.InvariantCulture);

    public static string Plural(int count, string one, string? many = null) => $"{Count(count)} {(count == 1 ? one : many ?? one + "s")}";

    public static string Duration(double seconds) => seconds switch
    {
        _ when !double.IsFinite(seconds) => "unknown",
        < 10 => seconds.ToString("0.0 s", CultureInfo.InvariantCulture),
        < 119.5 => seconds.ToString("0 s", CultureInfo.InvariantCulture),
        < 7200 => FormattableString.Invariant($"{Math.Floor(seconds / 60):0} min {Math.Floor(seconds % 60):0} s"),
        _ => FormattableString.Invariant($"{Math.Floor(seconds / 3600):0} h {Math.Floor(seconds % 3600 / 60):0} min"),
    };
}
