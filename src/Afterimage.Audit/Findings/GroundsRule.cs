using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;
using Afterimage.Reports;
using Afterimage.Reports.Conclusions;

namespace Afterimage.Audit.Findings;

/// <summary>What a verdict rests on: the attack, whether it converged, the bound, the baseline, and what would change the answer.</summary>
public sealed class GroundsRule(VerdictRule rule)
{
    /// <summary>Grounds by the standard verdict rule.</summary>
    public static GroundsRule Standard { get; } = new(VerdictRule.Standard);

    /// <summary>A judged case with its grounds, its rate of identification, and a level for each image.</summary>
    /// <param name="report">The case with its verdict.</param>
    /// <param name="floor">The relative misfit of the true images.</param>
    public CaseReport Grounded(CaseReport report, double floor = 0) => report with
    {
        Images = [.. report.Images.Select(image => image.Metrics.IsEmpty ? image : image with { Level = rule.Of(image) })],
        Identification = IdentificationFinding.Rate([report]),
        Grounds = Of(report, floor),
    };

    /// <summary>The grounds of the case that leaked most; among equals, of one whose attack converged. Null without cases.</summary>
    public Grounds? Of(IReadOnlyList<CaseReport> cases) => cases.Select(found => found.Grounds).OfType<Grounds>()
        .OrderByDescending(grounds => grounds.Answer).ThenBy(grounds => grounds.Converged && grounds.Answer == Answer.NotShown)
        .FirstOrDefault();

    private Grounds? Of(CaseReport report, double floor)
    {
        if (report.Outcome is "Crashed" || (report.Outcome is "Refused" && report.Images.IsEmpty))
            return null;
        var (answer, converged) = (Grounds.Of(report.Verdict.Level), rule.Explains(report.RelativeMisfit, floor));
        return new()
        {
            Answer = answer,
            Attack = Attack(report.Configuration),
            Converged = converged,
            Bound = report.Leakage?.Sentence,
            Baseline = Baseline(report),
            Changes = [.. Changes(report, answer, converged)],
        };
    }

    private static string Attack(string configuration) =>
        JsonNode.Parse(configuration)?["attack"] is JsonObject attack && (attack["known"] ?? attack["kind"]) is { } kind
            ? kind.GetValue<string>() : "the attack";

    private static string? Baseline(CaseReport report)
    {
        if (!report.Metrics.TryGetValue("psnr", out var reached) || !report.Baselines.TryGetValue("psnr", out var baselines)
            || baselines.IsEmpty)
            return null;
        var (name, spread) = baselines.MaxBy(baseline => baseline.Value.Median);
        return string.Create(CultureInfo.InvariantCulture, $"Median PSNR {reached.Median:0.0} dB; the best of what needs no update " +
            $"({name}) has {spread.Median:0.0} dB, which is {reached.Median - spread.Median:+0.0;-0.0} dB for the attack.");
    }

    private IEnumerable<string> Changes(CaseReport report, Answer answer, bool converged)
    {
        var threat = report.Threat;
        if (answer == Answer.NotShown && !converged)
            yield return "An attack that explains the update: this one did not, so more time, another attack, or more knowledge may " +
                "show a leak.";
        if (answer == Answer.NotShown && converged)
            yield return "A better model of images: the update is explained by other images too, and only a prior can choose among them.";
        if (answer != Answer.NotShown && Quiet(report) is { } noise)
            yield return string.Create(CultureInfo.InvariantCulture,
                $"Noise of {noise:0.###} of the root mean square of each layer: from there on the best " +
                $"linear attacker is forecast to stay below {rule.RecognizablePsnr:0} dB.");
        if (answer != Answer.Leaks && report.Leakage?.Forecast() is { } forecast && forecast.Images.High >= rule.RecognizablePsnr)
            yield return string.Create(CultureInfo.InvariantCulture, $"A stronger attacker: the update allows up to " +
                $"{forecast.Images.High:0.0} dB.");
        if (threat is { LabelsKnown: true })
            yield return "An attacker who must recover the labels.";
        if (threat is { StatisticsKnown: true })
            yield return "Statistics of BatchNorm that are not sent, or layers that need none.";
        if (answer != Answer.Leaks && threat is { AuxiliaryData: false })
            yield return "An attacker with public images of the kind, or with a network trained on them.";
        if (answer != Answer.NotShown && threat is { SingleStep: true })
            yield return "More images in the update, or several local steps, where no layer takes the batch apart; a sum over many " +
                "clients.";
        if (answer != Answer.NotShown && threat is { InferenceMode: true })
            yield return "Clients that train in train mode and send no statistics, where the model has BatchNorm.";
    }

    /// <summary>The least noise from which on the forecast stays below what is recognizable; null where it does already or never.</summary>
    private double? Quiet(CaseReport report)
    {
        if (report.Leakage is not { } leakage || leakage.Forecast().Images.High < rule.RecognizablePsnr)
            return null;
        var loud = leakage.Spectrum.Points.Where(point => point.Images.High < rule.RecognizablePsnr).Select(point => point.Noise).ToArray();
        return loud.Length == 0 ? null : loud.Min();
    }
}
