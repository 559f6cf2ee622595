using System.Globalization;
using Afterimage.Reports;

namespace Afterimage.Audit.Findings;

/// <summary>Puts a verdict into words, with the numbers that it rests on.</summary>
internal static class Sentence
{
    /// <param name="level">The verdict.</param>
    /// <param name="images">The images it is about.</param>
    /// <param name="levels">The level of each image.</param>
    /// <param name="misfit">The relative misfit of the reconstruction, the largest of several cases.</param>
    /// <param name="explained">Whether that misfit counts as explaining the update.</param>
    public static string For(
        LeakLevel level, IReadOnlyList<ImageReport> images, IReadOnlyList<LeakLevel> levels, double misfit, bool explained)
    {
        int Count(LeakLevel wanted) => levels.Count(found => found == wanted);
        var (count, recognizable) = ($"{Count(level)} of {images.Count} images", Count(LeakLevel.Recognizable));
        return level switch
        {
            LeakLevel.Exact => $"{count} came back nearly pixel for pixel{Rest(recognizable)} ({Figures(images)}).",
            LeakLevel.Recognizable => $"{count} {Are(recognizable)} recognizable ({Figures(images)}).",
            LeakLevel.Traces =>
                $"No image is recognizable, but {count} {Are(Count(level))} closer to the truth than public images are " +
                $"({Figures(images)}).",
            LeakLevel.Nothing => $"Nothing came back that public images would not give ({Figures(images)}), " +
                $"although the attack explains the update (relative misfit {Misfit(misfit)}).",
            LeakLevel.Inconclusive when images.Count == 0 =>
                "The attack returned no image, which says nothing about protection: see its outcome.",
            LeakLevel.Inconclusive =>
                $"Nothing came back that public images would not give ({Figures(images)}), but the attack failed to explain the update " +
                $"(relative misfit {Misfit(misfit)}), so this says nothing about protection: give it more restarts or iterations.",
            _ => "Nobody could judge, because the true images were not given; the reconstruction " +
                $"{(explained ? "explains the update" : "does not explain the update yet")} (relative misfit {Misfit(misfit)}).",
        };
    }

    public static string Decibels(double value) => value.ToString("0.0", CultureInfo.InvariantCulture);

    public static string Plain(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);

    public static string Misfit(double value) =>
        value.ToString(value is >= 0.01 and < 1000 ? "0.00" : value == 0 ? "0" : "0.0e-0", CultureInfo.InvariantCulture);

    private static string Are(int count) => count == 1 ? "is" : "are";

    private static string Rest(int recognizable) => recognizable == 0 ? "" : $", and {recognizable} more {Are(recognizable)} recognizable";

    private static string Figures(IReadOnlyList<ImageReport> images)
    {
        var psnr = Spread.Of(images.Select(image => image.Metrics["psnr"]));
        var ssim = Spread.Of(images.Select(image => image.Metrics["ssim"]));
        var figures = psnr.Count == 1
            ? $"PSNR {Decibels(psnr.Median)} dB, SSIM {Plain(ssim.Median)}"
            : $"median PSNR {Decibels(psnr.Median)} dB, from {Decibels(psnr.Minimum)} to {Decibels(psnr.Maximum)}; " +
                $"median SSIM {Plain(ssim.Median)}";
        var baselines = images.Select(Strongest).ToArray();
        if (baselines.Contains(null))
            return figures;
        var name = baselines.Select(baseline => baseline!.Value.Name).Distinct().Count() == 1 ? baselines[0]!.Value.Name : "best baseline";
        var median = Spread.Of(baselines.Select(baseline => baseline!.Value.Psnr)).Median;
        return $"{figures}; the {name} scores {Decibels(median)} dB{(images.Count == 1 ? "" : " at the median")}";
    }

    private static (string Name, double Psnr)? Strongest(ImageReport image)
    {
        var psnr = image.Baselines.Where(baseline => baseline.Value.ContainsKey("psnr"))
            .Select(baseline => (baseline.Key, baseline.Value["psnr"])).ToArray();
        return psnr.Length == 0 ? null : psnr.MaxBy(baseline => baseline.Item2);
    }
}
