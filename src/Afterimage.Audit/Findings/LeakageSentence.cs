using System.Globalization;
using Afterimage.Reports;

namespace Afterimage.Audit.Findings;

/// <summary>The one sentence of a leakage report.</summary>
internal static class LeakageSentence
{
    /// <summary>An error below this is that of rounding to single precision.</summary>
    private const double Exact = 1e-18;

    private const double Readable = 20;

    public static string Of(IReadOnlyList<LeakageCase> cases, double noise) => cases switch
    {
        [] => "Nothing was measured.",
        [var only] => One(only, noise),
        _ => Several(cases, noise),
    };

    /// <summary>What an audited case tells at best, beside what its attack reached.</summary>
    public static string Beside(LeakageSpectrum spectrum, double noise, bool atTruth, CaseReport report)
    {
        var point = spectrum.At(noise);
        var determined = spectrum.Rank is { } rank
            ? $"determines {Count(rank)} of {Count(spectrum.Unknowns)} pixel directions"
            : $"tells {Range(point.Directions, "N0")} of {Count(spectrum.Unknowns)} pixel directions above its noise";
        var end = Reached(report) is { } reached ? $"; this attack reached {Sentence.Decibels(reached)} dB." : ".";
        return (atTruth ? $"The update {determined}" : $"At the reconstruction, for nobody gave the true images, the update {determined}") +
            $"; with {(atTruth ? "its" : "an assumed")} noise of {Short(noise)} of each layer the best linear attacker with a model of " +
            $"images is forecast to reach {Range(point.Images, "0.0")} dB{end}";
    }

    /// <summary>PSNR of the mean squared error over the batch, as forecasts mean it.</summary>
    public static double? Reached(CaseReport report) =>
        report.Metrics.TryGetValue("mse", out var error) ? -10 * Math.Log10(Math.Max(Exact, error.Mean)) : null;

    private static string One(LeakageCase found, double noise)
    {
        var (spectrum, point) = (found.PerLayer, found.PerLayer.At(noise));
        var determined = spectrum.Rank is { } rank
            ? $"determines {Count(rank)} of {Count(spectrum.Unknowns)} pixel directions"
            : $"tells {Range(point.Directions, "N0")} of {Count(spectrum.Unknowns)} pixel directions above the noise";
        return $"The update of {Images(found.Batch)} {determined}; with noise {Short(noise)} of each layer, the best linear attacker is " +
            $"forecast to reach {Range(point.Images, "0.0")} dB with a model of images and {Range(point.White, "0.0")} dB without.";
    }

    private static string Several(IReadOnlyList<LeakageCase> cases, double noise)
    {
        var readable = cases.Where(found => found.PerLayer.At(noise).Images.Low >= Readable).ToArray();
        var open = cases.Where(found => found.PerLayer.At(noise).Images is { Low: < Readable, High: >= Readable })
            .Select(found => found.Batch).Distinct().Order().ToArray();
        var answer = readable.Length == 0 ? $"No batch is {(open.Length == 0 ? "forecast" : "sure")} to reach {Readable} dB"
            : $"The largest batch that can still be read, at a forecast of {Readable} dB or more, has " +
                Images(readable.Max(found => found.Batch)) +
                (readable.Max(found => found.Batch) == cases.Max(found => found.Batch) ? ", the largest that was measured" : "");
        return $"{answer} (noise {Short(noise)} of each layer, best linear attacker with a model of images)." +
            (open.Length == 0 ? "" : $" Lanczos leaves it open for batches of {string.Join(", ", open)}.");
    }

    private static string Images(int count) => count == 1 ? "1 image" : $"{Count(count)} images";

    private static string Range(Bracket bracket, string format)
    {
        string Text(double value) => value.ToString(format, CultureInfo.InvariantCulture);
        var (low, high) = (Text(bracket.Low), Text(bracket.High));
        return low == high ? low : $"{low} to {high}";
    }

    private static string Count(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Short(double value) => value.ToString("0.###e-0", CultureInfo.InvariantCulture);
}
