using System.Collections.Immutable;
using System.Globalization;
using Afterimage.Audit.Judging;
using Afterimage.Reports;
using Afterimage.Reports.Conclusions;

namespace Afterimage.Audit.Findings;

/// <summary>Puts defenses beside one another, and names the one that meets a requirement at the least cost in accuracy.</summary>
public static class FrontierRule
{
    /// <summary>The frontier of the cases that trained a federation; null where none did.</summary>
    /// <param name="cases">All cases.</param>
    /// <param name="require">What a defense must meet; null for nothing.</param>
    /// <param name="allowInconclusive">Whether attacks that did not converge count as failed ones.</param>
    /// <exception cref="AfterimageException">The requirement is none.</exception>
    public static Frontier? Of(IReadOnlyList<CaseReport> cases, string? require = null, bool allowInconclusive = false)
    {
        var condition = require is null ? null : Requirement.Parse(require);
        FrontierPoint[] points = [.. cases.Where(found => found.Federation is not null).GroupBy(SettingName.Of)
            .Select(group => Point(group.Key, [.. group]))];
        if (points.Length == 0)
            return null;
        points = [.. points.Select(point => point with
        {
            OnFrontier = !points.Any(other => Dominates(other, point)),
            Meets = condition is null ? null : condition.Holds(point) && (allowInconclusive || point.Converged == point.Updates),
        })];
        var choice = points.Where(point => point.Meets == true).MaxBy(point => point.Accuracy.Mean);
        return new([.. points], require, choice?.Name, Sentence(points, condition, require, choice));
    }

    private static FrontierPoint Point(string name, CaseReport[] cases)
    {
        var ends = cases.Select(found => found.Federation!.Accuracy[^1].Accuracy).ToArray();
        var tests = cases.Sum(found => found.Federation!.TestImages);
        var right = cases.Sum(found => (int)Math.Round(found.Federation!.Accuracy[^1].Accuracy * found.Federation.TestImages));
        var (low, high) = WilsonInterval.Of(right, tests);
        var images = cases.SelectMany(found => found.Images).ToArray();
        var judged = images.Where(image => image.Metrics.ContainsKey("psnr")).ToArray();
        var rounds = cases.SelectMany(found => found.Federation!.Rounds).ToArray();
        var forecasts = rounds.Where(leak => leak.Forecast is not null)
            .Select(leak => (leak.Forecast!.Value.Low + leak.Forecast.Value.High) / 2).Where(double.IsFinite).ToArray();
        return new()
        {
            Name = name,
            Accuracy = Spread.Of(ends),
            AccuracyInterval = new(low, high),
            Psnr = judged.Length == 0 ? null : Spread.Of(judged.Select(image => image.Metrics["psnr"])),
            Identification = IdentificationFinding.Rate(cases),
            Recognizable = images.Length == 0 ? 0
                : (double)images.Count(image => image.Level is LeakLevel.Recognizable or LeakLevel.Exact) / images.Length,
            Forecast = forecasts.Length == 0 ? null : Spread.Of(forecasts).Median,
            Updates = rounds.Length,
            Converged = rounds.Count(leak => leak.Outcome == "Converged"),
            OnFrontier = false,
        };
    }

    /// <summary>At least as accurate, no better read, and one of the two strictly.</summary>
    private static bool Dominates(FrontierPoint other, FrontierPoint point)
    {
        var (accuracy, mine) = (other.Accuracy.Mean, point.Accuracy.Mean);
        var (leak, own) = (other.Psnr?.Mean ?? double.PositiveInfinity, point.Psnr?.Mean ?? double.PositiveInfinity);
        return accuracy >= mine && leak <= own && (accuracy > mine || leak < own);
    }

    private static string Sentence(FrontierPoint[] points, Requirement? condition, string? require, FrontierPoint? choice)
    {
        static string Of(FrontierPoint point) => string.Create(CultureInfo.InvariantCulture,
            $"{100 * point.Accuracy.Mean:0.0} % accuracy, {point.Psnr?.Mean ?? double.NaN:0.0} dB, " +
            $"{point.Identification?.Found ?? 0} of {point.Identification?.Images ?? 0} images identified");
        if (condition is null)
        {
            var best = points.MaxBy(point => point.Accuracy.Mean)!;
            var safest = points.MinBy(point => point.Psnr?.Mean ?? double.PositiveInfinity)!;
            return $"Most accurate: {best.Name} ({Of(best)}). Least read: {safest.Name} ({Of(safest)}).{Doubt(points)}";
        }
        if (choice is not null)
            return $"The cheapest setting that meets \"{require}\" is {choice.Name}: {Of(choice)}.";
        var open = points.Count(point => condition.Holds(point));
        return $"No setting meets \"{require}\"." + (open == 0 ? ""
            : $" {open} would by their figures, but an attack on them did not converge, which is no protection.");
    }

    private static string Doubt(FrontierPoint[] points) => points.Count(point => point.Converged < point.Updates) is > 0 and var open
        ? $" On {open} of {points.Length} settings an attack did not converge: what it did not bring back is no protection." : "";
}
