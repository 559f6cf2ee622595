using static Afterimage.Reports.Html.Markup;
using static Afterimage.Reports.Html.Plot;

namespace Afterimage.Reports.Html;

/// <summary>The plots of a leakage analysis.</summary>
internal static class LeakagePlots
{
    private const int MostPoints = 400;
    private const double LeastSingular = 1e-12, LeastNoise = 1e-8;

    public static Element Spectrum(LeakageCase found)
    {
        var largest = Math.Max(Largest(found.PerLayer), Largest(found.Whole));
        Series[] series =
        [
            Curve("against each layer", found.PerLayer, largest) with { Strong = true },
            Curve("against the whole update", found.Whole, largest),
        ];
        var values = series.SelectMany(line => line.Points.Select(point => point.Y)).DefaultIfEmpty(1).ToArray();
        return Captioned(new("Singular values", $"They fall from {Numbers.Short(values.Max())} to {Numbers.Short(values.Min())}.",
            "number of the singular value", "singular value",
            LinearScale.Covering(0, found.PerLayer.Exact ? found.PerLayer.Unknowns : found.PerLayer.Singular.Length),
            LogScale.Covering(values.Min(), values.Max()), series),
            "How far the update moves along each direction of pixels, by the unit in which noise is measured. " +
            "A direction below the noise is lost without a prior.");
    }

    public static Element Forecast(LeakageReport report, LeakageCase found) =>
        Forecast(report.Prior, found.PerLayer, [Line($"knowing images ({report.Prior}), noise against the whole update",
            found.Whole.Points.Where(point => point.Noise >= LeastNoise), point => point.Images)]);

    /// <summary>The forecast of one case over noise, and further lines.</summary>
    public static Element Forecast(string prior, LeakageSpectrum spectrum, IEnumerable<Series> more)
    {
        LeakageForecast[] points = [.. spectrum.Points.Where(point => point.Noise >= LeastNoise)];
        Series[] series =
        [
            Line($"knowing images ({prior})", points, point => point.Images) with { Strong = true },
            Line("knowing only the variance", points, point => point.White),
            .. more,
        ];
        var all = series.SelectMany(line => line.Points.Select(point => point.Y)).Where(double.IsFinite).ToArray();
        return Captioned(new("Forecast over noise", $"From {Numbers.Fixed(all.Min(), 1)} to {Numbers.Fixed(all.Max(), 1)} dB.",
            "noise relative to rms", "PSNR in dB",
            LogScale.Covering(points.Min(point => point.Noise), points.Max(point => point.Noise)),
            LinearScale.Covering(0, all.Max()), series),
            "The best linear attacker's expected PSNR. " +
            "Rounding to float16 is noise of 2 × 10⁻⁴ of each layer, to float32 of 2.5 × 10⁻⁸.");
    }

    /// <summary>The forecast and the share of surviving directions over the batch size; null for a single batch size.</summary>
    public static Element? OverBatch(LeakageReport report)
    {
        LeakageCase[] cases = [.. report.Cases.OrderBy(found => found.Batch)];
        double[] batches = [.. cases.Select(found => (double)found.Batch).Distinct()];
        if (batches.Length < 2)
            return null;
        var scale = new LogScale(batches[0], batches[^1], [.. batches.Select(batch => new Tick(batch, Numbers.Short(batch)))]);
        Series Over(string name, Func<LeakageForecast, LeakageCase, Bracket> value)
        {
            (double Batch, Bracket Value)[] values =
                [.. cases.Select(found => ((double)found.Batch, value(found.PerLayer.At(report.Noise), found)))];
            return new(name, [.. values.Select(at => new PlotPoint(at.Batch, at.Value.High))])
            {
                Band = [.. values.Select(at => (at.Batch, at.Value.Low, at.Value.High))],
                Markers = true,
            };
        }
        Series[] forecasts =
        [
            Over($"knowing images ({report.Prior})", (point, _) => point.Images) with { Strong = true },
            Over("knowing only the variance", (point, _) => point.White),
        ];
        var share = Over("surviving directions", (point, found) => Percent(point.Directions, found.PerLayer.Unknowns));
        var exact = new Series("features exact, by counting",
            [.. cases.Select(found => new PlotPoint(found.Batch, found.Batch <= found.LargestSeparable ? 100 : 0))]) { Markers = true };
        var most = forecasts.SelectMany(line => line.Points).Max(point => point.Y);
        return Tag("section", ("class", "block"), Tag("h2", "Over the batch size"), Tag("div", ("class", "plots"),
            Captioned(new("Forecast over batch size", Describe(forecasts[0]), "images in the batch", "PSNR in dB", scale,
                LinearScale.Covering(0, most), forecasts),
                $"Noise {Numbers.Short(report.Noise)} of each layer; a band where Lanczos leaves an interval."),
            Captioned(new("Surviving share over batch size", Describe(share), "images in the batch", "percent of pixel directions", scale,
                LinearScale.Covering(0, 100), [share with { Strong = true }, exact]),
                "The share of the batch's pixel directions that the averaged update still tells above the noise, to first order; and up " +
                "to which batch a layer's weight gradient takes the images apart, which needs no linearization.")));
    }

    private static Bracket Percent(Bracket directions, long unknowns) =>
        new(100 * directions.Low / unknowns, 100 * directions.High / unknowns);

    private static string Describe(Series series) =>
        string.Join(", ", series.Points.Select(point => $"{Numbers.Fixed(point.Y, 1)} at {Numbers.Short(point.X)}")) + ".";

    private static Series Line(string name, IEnumerable<LeakageForecast> points, Func<LeakageForecast, Bracket> value)
    {
        (double Noise, double Low, double High)[] band = [.. points.Select(point => (point.Noise, value(point).Low, value(point).High))];
        return new(name, [.. band.Select(at => new PlotPoint(at.Noise, at.High))])
        {
            Band = band.Any(at => at.High - at.Low > 0.01) ? band : [],
        };
    }

    private static Series Curve(string name, LeakageSpectrum spectrum, double largest)
    {
        var step = Math.Max(1, spectrum.Singular.Length / MostPoints);
        return new(name, [.. spectrum.Singular.Index().Where(at => at.Index % step == 0 || at.Index == spectrum.Singular.Length - 1)
            .Select(at => new PlotPoint(at.Index + 1, Math.Max(at.Item, largest * LeastSingular)))]);
    }

    private static double Largest(LeakageSpectrum spectrum) =>
        spectrum.Singular.IsEmpty || spectrum.Singular[0] <= 0 ? 1 : spectrum.Singular[0];
}
