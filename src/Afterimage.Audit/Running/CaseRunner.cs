using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using Afterimage.Attacks;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Experiments;
using Afterimage.Audit.Findings;
using Afterimage.Audit.Leakage;
using Afterimage.Audit.Metrics;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using Afterimage.Reports;

namespace Afterimage.Audit.Running;

/// <summary>Runs one case from the client's images to a judged report; whatever goes wrong becomes an outcome with advice.</summary>
internal sealed class CaseRunner(RunOptions options, int workers, Stopwatch clock, Action<AuditEvent> publish)
{
    private readonly string folder = options.Folder;
    private readonly CaseLeakageProbe leakage = new(options.Folder, options.Leakage);

    public CaseReport Run(Case one, CancellationToken cancellation)
    {
        var cpu = CpuClock.Seconds();
        var started = clock.Elapsed.TotalSeconds;
        var floor = 0.0;
        CaseReport report;
        try
        {
            using var scope = Tidy.Scope();
            using var round = one.Configuration.Client.Open(one.Configuration.Model, one.Trial, new RandomSource(one.Configuration.Seed), new Device(options.Device));
            floor = one.Configuration.Threat.Reveal(round).Floor;
            report = Attack(one, round, cancellation);
        }
        catch (AfterimageException refusal)
        {
            report = Blank(one, OutcomeKind.Refused, refusal.Message);
        }
        catch (Exception crash) when (crash is not OutOfMemoryException)
        {
            report = Blank(one, OutcomeKind.Crashed, $"The case stopped on an error of the program, not of its input: {crash.GetType().Name}: {crash.Message.Split('\n')[0]}");
        }
        report = report with
        {
            Cost = report.Cost with
            {
                Seconds = clock.Elapsed.TotalSeconds - started - (report.Leakage?.Seconds ?? 0),
                CpuSeconds = CpuClock.Seconds() - cpu - (report.Leakage?.CpuSeconds ?? 0),
            },
        };
        report = report with { Verdict = VerdictRule.Standard.Of(report, floor) };
        return report with { Findings = CaseFindings.Standard.Of(report, floor).AddRange(report.Findings) };
    }

    private CaseReport Attack(Case one, ClientRound round, CancellationToken cancellation)
    {
        var observation = one.Configuration.Threat.Reveal(round);
        using var context = new AttackContext
        {
            Model = round.Model,
            Observation = observation.Completed(round.Model),
            Random = new RandomSource(one.Configuration.Seed).Derive("attack", one.Trial),
            OperatorChoice = options.Operator,
            Workers = workers,
            Seconds = Seconds(one.Configuration),
            PublicImages = round.KnownImages,
        };
        var before = clock.Elapsed.TotalSeconds;
        var witness = new Witness(one.Id, round.Model.Input, clock, publish);
        using var found = one.Configuration.Attack.Run(context, witness.See, cancellation);
        var seconds = clock.Elapsed.TotalSeconds - before;
        var images = Tensors.Split(found.Images);
        Directory.CreateDirectory(Path.Combine(folder, "reconstructions"));
        ArrayFile.Write(Path.Combine(folder, "reconstructions", $"{one.Id[..12]}.npz"),
        [
            NamedArray.Of("images", found.Images.shape.ToValueList(), images.SelectMany(image => image).ToArray().AsSpan()),
            NamedArray.Of("labels", [found.Labels.Classes.Count], found.Labels.Classes.Select(label => (long)label).ToArray().AsSpan()),
        ]);
        var report = Blank(one, found.Outcome.Kind, found.Outcome.Advice) with
        {
            Assumptions = Explanation.Assumptions(one.Configuration, round),
            Cost = new(found.Evaluations, found.Iterations, found.Restarts, 0, 0),
            RelativeMisfit = found.RelativeMisfit,
            Curves = witness.Curves(found.Restarts),
            Operator = found.Operator,
            Findings = [.. found.Evidence.Select(note => new Finding(Severity.Note, note.Sentence))],
        };
        var pool = round.Truth is { } batch
            ? new ImageBatch(round.Model.Input, round.PublicImages.Concat(batch.Images).Select(image => image.Pixels.ToArray())) : null;
        var judgment = round.Truth is { } truth
            ? Judge.Compare(truth, new ImageBatch(round.Model.Input, images), found.Labels.Classes,
                new Baselines(round.PublicImages, new RandomSource(one.Configuration.Seed)), [.. Metric.Standard, new Identification(pool!)])
            : null;
        report = report with
        {
            LabelAccuracy = judgment?.LabelAccuracy,
            Labels = LabelSection.Of(context, one.Configuration.Attack.Rule ?? new RefinedCounts(), round),
            Pool = pool?.Count ?? 0,
            Metrics = judgment?.Metrics ?? report.Metrics,
            Baselines = judgment?.Baselines ?? report.Baselines,
            Images = Show(one, round, found, images, judgment, witness),
        };
        return found.Outcome.Kind == OutcomeKind.Canceled ? report : WithLeakage(report, leakage.Measure(one, round, context, found, report, seconds));
    }

    private static double? Seconds(Experiment experiment) => (experiment.Budget ?? experiment.Attack.DefaultSeconds) is > 0 and var seconds ? seconds : null;

    private static CaseReport WithLeakage(CaseReport report, (CaseLeakage? Measured, string? Why) leakage)
    {
        return report with
        {
            Leakage = leakage.Measured,
            Cites = leakage.Measured is null ? report.Cites : [.. report.Cites.Concat(CaseLeakageProbe.Cites).Distinct().Order(StringComparer.Ordinal)],
            Findings = leakage.Why is { } why ? report.Findings.Add(new(Severity.Note, why)) : report.Findings,
        };
    }

    private ImmutableArray<ImageReport> Show(Case one, ClientRound round, Reconstruction found, float[][] images, Judgment? judgment, Witness witness)
    {
        var pictures = new Pictures(folder, one.Id, round.Model.Input);
        return [.. Enumerable.Range(0, judgment?.Images.Count ?? images.Length).Select(i =>
        {
            var judged = judgment?.Images[i];
            var source = judged?.Reconstruction ?? i;
            var missing = source == JudgedImage.Missing;
            return new ImageReport
            {
                Index = i,
                RecoveredLabel = missing ? "none" : round.ClassNames[found.Labels.Classes[source]],
                Confidence = missing ? 0 : found.Labels.Confidence[source],
                TrueLabel = judged is null ? null : round.ClassNames[judged.TrueLabel],
                Metrics = judged?.Metrics ?? ImmutableSortedDictionary<string, double>.Empty,
                Baselines = judged?.Baselines ?? ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, double>>.Empty,
                Truth = round.Truth is { } truth ? pictures.Write($"truth-{i}", truth.Images[i].Pixels) : null,
                Reconstruction = pictures.Write($"reconstruction-{i}", missing ? Enumerable.Repeat(0.5f, images[0].Length).ToArray() : images[source]),
                Path = missing ? [] : [.. witness.Path(found.Restart).Select(step =>
                    new PathStep(step.Iteration, pictures.Write(string.Create(CultureInfo.InvariantCulture, $"path-{i}-{step.Iteration:D6}"), step.Images[source])))],
            };
        })];
    }

    private static CaseReport Blank(Case one, OutcomeKind outcome, string advice) => new()
    {
        Id = one.Id,
        Name = one.Name,
        Axes = one.Axes,
        Configuration = one.Json,
        Equation = Explanation.Equation(one.Configuration),
        Seed = one.Configuration.Seed,
        Outcome = outcome.ToString(),
        Advice = advice,
        Verdict = new(LeakLevel.Inconclusive, ""),
        Cost = new(0, 0, 0, 0, 0),
        RelativeMisfit = double.NaN,
        Cites = Explanation.Cites(one.Configuration),
    };
}
