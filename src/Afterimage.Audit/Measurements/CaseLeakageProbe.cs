using System.Collections.Immutable;
using System.Reflection;
using Afterimage.Attacks;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Findings;
using Afterimage.Federation;
using Afterimage.Images;
using Afterimage.Leakage;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Audit.Measurements;

/// <summary>
/// Measures what the update of an audited case tells at best: at the true images, where they are known, at the noise that the update
/// really carries; otherwise at the reconstruction, at a noise that is assumed.
/// </summary>
internal sealed class CaseLeakageProbe(LeakageChoice choice)
{
    private const long Copies = 8;
    private const int Exact = 1024, Steps = 480, Probes = 1;
    private const double LeastBudget = 3, Share = 0.25;

    /// <summary>Keys of the papers behind a measurement.</summary>
    private static IEnumerable<string> Cites => new[] { typeof(LeakageProbe), typeof(Photographs) }
        .SelectMany(type => type.GetCustomAttribute<CitesAttribute>()!.Keys);

    /// <summary>The report with the measurement, or with a sentence why there is none where somebody may want to know.</summary>
    /// <param name="opened">The case.</param>
    /// <param name="found">What the attacker made of it.</param>
    /// <param name="report">The judged case.</param>
    /// <param name="seconds">What the attack took.</param>
    /// <param name="cancellation">Stops the measurement, of which then nothing is said.</param>
    public CaseReport Beside(OpenCase opened, Reconstruction found, CaseReport report, double seconds, CancellationToken cancellation)
    {
        if (choice == LeakageChoice.Off || (opened.Round.Truth is null && found.Outcome.Kind == OutcomeKind.Refused))
            return report;
        if (FreeMemory.Lack(Copies * sizeof(double) * opened.Round.Model.Layout.Count) is { } lack)
            return Without($"that would take {lack}.", ": ");
        try
        {
            return Measure(opened, found, report, seconds, cancellation) is { } measured
                ? report with { Leakage = measured, Cites = [.. report.Cites.Concat(Cites).Distinct().Order(StringComparer.Ordinal)] }
                : Without("for that would take longer than three seconds and a quarter of the attack: add --leakage on.", ", ");
        }
        catch (AfterimageException refusal)
        {
            return Without(refusal.Message, ": ");
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return report;
        }

        CaseReport Without(string why, string mark) => report with
        {
            Findings = report.Findings.Add(new(Severity.Note, $"What the update tells at best was not measured{mark}{why}")),
        };
    }

    /// <summary>Null where it would take too long.</summary>
    private CaseLeakage? Measure(OpenCase opened, Reconstruction found, CaseReport report, double seconds, CancellationToken cancellation)
    {
        var (round, context, effort) = (opened.Round, opened.Context, new Effort());
        using var scope = Tidy.Scope();
        using var model = round.Model.To(ScalarType.Float64, CPU);
        using var observation = context.Observation.To(ScalarType.Float64, CPU);
        using var part = context.Part("measures the leakage");
        part.Say("chooses how");
        using var own = new AttackContext
        {
            Model = model,
            Observation = observation,
            Random = context.Random,
            OperatorChoice = context.OperatorChoice,
            Watch = part.Watch,
        };
        var images = round.Truth is { } truth
            ? Tensors.From(truth.Images, ScalarType.Float64, CPU) : found.Images.to(ScalarType.Float64).cpu();
        // A truth of one class for an image with several does not say what the update was made of.
        var isTold = round.Truth is { Soft: not null } or { Count: > 1 } || new TargetText(round.ClassNames).AreClasses(found.Labels.Soft);
        var labels = round.Truth is { } known && isTold
            ? new Labels(known.Labels, Enumerable.Repeat(1.0, known.Count).ToValueList()) { Soft = known.Soft } : found.Labels;
        var targets = labels.Targets(model.Classes, ScalarType.Float64, CPU);
        var budget = choice == LeakageChoice.On ? double.PositiveInfinity : Math.Max(LeastBudget, Share * seconds);
        if (Probe(own, images, targets, budget) is not { } probe)
            return null;
        var noise = round.Truth is not null ? Carried(own, images, targets)
            : Math.Max(observation.Channel.RelativeDeviation(observation.Update), probe.Noise);
        var prior = new Photographs(model.Input);
        var analysis = (probe with { Noise = noise }).Measure(own, images, targets, prior, NoiseScale.Layer, cancellation);
        var spectrum = PlainLeakage.Of(analysis) with { Singular = [] };
        return new()
        {
            Sentence = LeakageSentence.Beside(spectrum, noise, round.Truth is not null, report),
            AtTruth = round.Truth is not null,
            Noise = noise,
            Prior = prior.Name,
            Spectrum = spectrum,
            Spread = analysis.Spread,
            Images = Show(opened, analysis, report),
            Seconds = effort.Seconds,
            CpuSeconds = effort.CpuSeconds,
        };
    }

    /// <summary>What fits into the time: the whole spectrum, brackets, or nothing.</summary>
    private LeakageProbe? Probe(AttackContext context, Tensor images, Tensor targets, double budget)
    {
        if (choice == LeakageChoice.On)
            return new();
        var probe = new LeakageProbe { Unknowns = Exact, Probes = Probes, Steps = Steps };
        var point = context.Operator.At(new(images, targets));
        point.Pullback(point.Pushforward(images));
        var effort = new Effort();
        point.Pullback(point.Pushforward(images));
        var pair = effort.CpuSeconds;
        // The gram matrix and a second pass over doubtful directions; or runs for two priors.
        return images.numel() <= Exact && 2 * images.numel() * pair <= budget ? probe
            : 2 * Probes * probe.Steps * pair <= budget ? probe with { Unknowns = 1 }
            : null;
    }

    /// <summary>
    /// Root mean square deviation of the update from A(x) over the numbers that arrived, in units of each tensor's root mean square.
    /// </summary>
    private static double Carried(AttackContext context, Tensor images, Tensor targets)
    {
        using var scope = Tidy.Scope();
        var exact = context.Operator.At(new(images, targets)).Value;
        var sent = context.Observation.Update;
        var mask = context.Observation.Channel.Mask(sent);
        var gaps = (sent.Flat - exact.Flat).square();
        var arrived = new GradientSet(sent.Layout, mask ?? ones_like(gaps));
        var missed = new GradientSet(sent.Layout, mask is null ? gaps : gaps * mask);
        var (sum, count) = (0.0, 0.0);
        for (var i = 0; i < sent.Layout.Entries.Count; i++)
            if (arrived[i].sum().ToDouble() is > 0 and var numbers && exact[i].square().mean().ToDouble() is > 0 and var square)
                (sum, count) = (sum + missed[i].sum().ToDouble() / square, count + numbers);
        return Math.Max(LeakageProbe.Float64, Math.Sqrt(sum / Math.Max(1, count)));
    }

    private static ImmutableArray<LeakageImage> Show(OpenCase opened, LeakageAnalysis analysis, CaseReport report)
    {
        var determined = new DeterminedMaps(analysis, opened.Round.Model.Input);
        var maps = determined.Write(opened.Options.Folder, opened.Case.Id);
        return [.. report.Images.Select(image => PlainLeakage.Of(image.Index, image.TrueLabel ?? image.RecoveredLabel,
            image.Truth ?? image.Reconstruction, analysis, maps[image.Index], determined.Left))];
    }
}
