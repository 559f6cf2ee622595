using System.Globalization;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Cli.Console;

/// <summary>Rounded numbers for the terminal.</summary>
internal static class Figures
{
    public static string Metric(string name, double value) => value switch
    {
        _ when !double.IsFinite(value) => Short(value),
        _ when name is "psnr" or "registered-psnr" => value.ToString("0.0", CultureInfo.InvariantCulture),
        _ when name is "ssim" or "ms-ssim" => value.ToString("0.000", CultureInfo.InvariantCulture),
        _ => Short(value),
    };

    /// <summary>What a case is at, for example "trains the client" or "brackets the spectrum, 32 of 160 steps".</summary>
    public static string Progress(PhaseSeen phase) => Progress(new Phase(phase.Name, phase.Done, phase.Of, phase.Unit));

    /// <inheritdoc cref="Progress(PhaseSeen)"/>
    public static string Progress(Phase phase) =>
        phase.Of > 0 ? $"{phase.Name}, {Count(phase.Done)} of {Count(phase.Of)} {phase.Unit}" : phase.Name;

    /// <summary>The heading of a metric, with its unit.</summary>
    public static string Title(string metric) => metric switch { "psnr" => "PSNR dB", "ssim" => "SSIM", "mse" => "MSE", _ => metric };

    /// <summary>For example "PSNR 21.3 dB".</summary>
    public static string WithUnit(string metric, double value) =>
        metric == "psnr" ? $"PSNR {Metric(metric, value)} dB" : $"{Title(metric)} {Metric(metric, value)}";

    /// <summary>Names of metrics with the best known ones first.</summary>
    public static IEnumerable<string> InOrder(IEnumerable<string> metrics) =>
        metrics.OrderBy(name => name switch { "psnr" => 0, "ssim" => 1, "mse" => 2, _ => 3 }).ThenBy(name => name, StringComparer.Ordinal);

    /// <summary>Three significant digits.</summary>
    public static string Short(double value) => value switch
    {
        double.NaN => "not a number",
        double.PositiveInfinity => "∞",
        double.NegativeInfinity => "-∞",
        0 => "0",
        _ => value.ToString(Math.Abs(value) is >= 0.001 and < 10_000 ? "G3" : "0.0e-0", CultureInfo.InvariantCulture),
    };

    /// <summary>A share in whole percent.</summary>
    public static string Percent(double share) => share.ToString("0 %", CultureInfo.InvariantCulture);

    /// <summary>A value that is known exactly, or both ends of its interval.</summary>
    /// <param name="bracket">The interval.</param>
    /// <param name="format">Of one number.</param>
    /// <param name="narrow">Whether the ends stand one above the other.</param>
    public static string Range(Bracket bracket, string format, bool narrow)
    {
        var (low, high) = Ends(bracket, format);
        return low == high ? low : narrow ? $"{low} to\n{high}" : $"{low}–{high}";
    }

    /// <summary>A value that is known exactly, or the lower end of its interval, as "≥46.6".</summary>
    public static string AtLeast(Bracket bracket, string format)
    {
        var (low, high) = Ends(bracket, format);
        return low == high ? low : $"≥{low}";
    }

    private static (string Low, string High) Ends(Bracket bracket, string format) =>
        (bracket.Low.ToString(format, CultureInfo.InvariantCulture), bracket.High.ToString(format, CultureInfo.InvariantCulture));

    public static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    public static string Plural(long count, string one, string? many = null) => $"{Count(count)} {(count == 1 ? one : many ?? one + "s")}";

    public static string Duration(double seconds) => seconds switch
    {
        _ when !double.IsFinite(seconds) => "unknown",
        < 10 => seconds.ToString("0.0 s", CultureInfo.InvariantCulture),
        < 119.5 => seconds.ToString("0 s", CultureInfo.InvariantCulture),
        < 7200 => FormattableString.Invariant($"{Math.Floor(seconds / 60):0} min {Math.Floor(seconds % 60):0} s"),
        _ => FormattableString.Invariant($"{Math.Floor(seconds / 3600):0} h {Math.Floor(seconds % 3600 / 60):0} min"),
    };
}
