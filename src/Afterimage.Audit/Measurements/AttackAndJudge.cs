using System.Collections.Immutable;
using Afterimage.Attacks;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Findings;
using Afterimage.Audit.Judging;
using Afterimage.LabelRecovery;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using Afterimage.Reports;
using Afterimage.Reports.Exporters;

namespace Afterimage.Audit.Measurements;

/// <summary>An audit: every case is attacked and judged; whatever goes wrong with one becomes its outcome, with advice.</summary>
public sealed record AttackAndJudge : Measurement<AuditReport>
{
    /// <summary>Whether what each update tells at best is measured beside the attack.</summary>
    public LeakageChoice Leakage { get; init; }

    /// <summary>A file of the trunk of SqueezeNet 1.1, for the perceptual distance; null leaves that out.</summary>
    public string? Perceptual { get; init; }

    /// <inheritdoc/>
    public override bool Journaled => true;

    /// <inheritdoc/>
    public override int Budget(Case one) => one.Configuration.Attack.Budget;

    /// <inheritdoc/>
    public override double? Seconds(Case one) => one.Seconds;

    /// <inheritdoc/>
    public override CaseResult Measure(OpenCase opened, Action<AuditEvent> publish, CancellationToken cancellation)
    {
        var (one, round, context) = (opened.Case, opened.Round, opened.Context);
        var (floor, lowered) = (context.Observation.Floor, context.Observation.Training.Loss);
        var attack = new Effort();
        var witness = new Witness(one.Id, round.Model.Input, publish);
        using var part = context.Part(PartKind.Of(one.Configuration.Attack.GetType()));
        using var timed = part.Within(Seconds(one));
        using var found = one.Configuration.Attack.Run(timed, witness.See, cancellation);
        var seconds = attack.Seconds;
        var images = Tensors.Split(found.Images);
        Keep(opened, found, images);
        var control = PriorControl.Of(opened, found, cancellation);
        context.Say("judges what came back");
        // A refusal comes without images, and a gray batch is not worth judging.
        var (judgment, pool) = found.Outcome.Kind == OutcomeKind.Refused ? (null, 0) : Judged(opened, found, images, control);
        context.Say("recovers the labels for the report");
        var report = Blank(one, found.Outcome) with
        {
            Threat = ThreatText.Of(one.Configuration, round),
            Assumptions = Explanation.Assumptions(one.Configuration, round, context.Observation.Readings, lowered),
            Equation = Explanation.Equation(one.Configuration, lowered, round.Model),
            Cost = new(found.Evaluations, found.Iterations, found.Restarts, 0, 0),
            RelativeMisfit = found.RelativeMisfit,
            Curves = witness.Curves(found.Restarts),
            Operator = found.Operator,
            Findings = [.. Notes(one, opened, found).Concat(control is null ? [] : [control.Sentence(judgment)])
                .Select(note => new Finding(Severity.Note, note))],
            LabelAccuracy = new TargetText(round.ClassNames) is var words && words.AreClasses(found.Labels.Soft)
                && words.AreClasses(round.Truth?.Soft) ? judgment?.LabelAccuracy : null,
            Labels = LabelSection.Of(context, one.Configuration.Attack.Rule ?? new RefinedCounts(), round),
            Pool = pool,
            Images = found.Outcome.Kind == OutcomeKind.Refused ? []
                : ImageSection.Of(opened, found, images, judgment, witness.Path(found.Restart)),
        };
        if (judgment is not null)
            report = report with { Metrics = judgment.Metrics, Baselines = judgment.Baselines };
        if (found.Outcome.Kind != OutcomeKind.Canceled)
            report = new CaseLeakageProbe(Leakage).Beside(opened, found, report, seconds, cancellation);
        return Concluded(report, floor, opened.Effort, control);
    }

    /// <inheritdoc/>
    public override CaseResult Failed(Case one, Outcome failure, Effort effort) => Concluded(Blank(one, failure), 0, effort);

    /// <summary>Writes report.html, report.json and report.csv.</summary>
    public override AuditReport Conclude(AuditReport header, IReadOnlyList<CaseResult> results, RunOptions options) =>
        Written(Report(header, results), options.Folder);

    /// <summary>The report of all cases.</summary>
    internal AuditReport Report(AuditReport header, IReadOnlyList<CaseResult> results)
    {
        ImmutableArray<CaseReport> cases = [.. results.Cast<CaseFinished>().Select(result => result.Report)];
        var comparison = ForecastComparison.Of(cases);
        var cites = cases.SelectMany(one => one.Cites).Concat(comparison is null ? [] : ForecastComparison.Cites);
        return header with
        {
            Cases = cases,
            Verdict = VerdictRule.Standard.Of(cases),
            Comparison = comparison,
            Grounds = GroundsRule.Standard.Of(cases),
            Success = SuccessCurves.Of(cases),
            Pairs = PairedComparisons.Of(cases),
            Findings = AuditFindings.Of(cases),
            Citations = [.. cites.Distinct().Order(StringComparer.Ordinal).Select(References.Find)],
        };
    }

    /// <summary>The same report, written into a folder.</summary>
    internal static AuditReport Written(AuditReport report, string folder)
    {
        JsonExporter.Export(report, folder);
        CsvExporter.Export(report, folder);
        HtmlExporter.Export(report, folder);
        if (report.Frontier is not null)
            FrontierExporter.Export(report, folder);
        return report;
    }

    /// <inheritdoc/>
    public override AuditEvent Finished(AuditReport report) => new AuditFinished(report);

    private IEnumerable<string> Notes(Case one, OpenCase opened, Reconstruction found)
    {
        var observed = opened.Context.Observation;
        var notes = found.Evidence.Select(note => note.Sentence)
            .Concat(Perceptual is not null && MetricSet.Missing(opened.Round.Model) is { } missing ? [missing] : [])
            .Concat(observed.BatchSize < 2 ? []
            : [SeparationSentence.Of(opened.Round.Model, observed.Training.Mode, observed.BatchSize).Sentence]);
        return one.Seconds is not { } most ? notes : notes.Prepend(
            FormattableString.Invariant($"The attack had {most:0.#} seconds and took {found.Seconds:0.0} (--budget)."));
    }

    private static CaseFinished Concluded(CaseReport report, double floor, Effort effort, PriorControl? control = null)
    {
        report = report with
        {
            Cost = report.Cost with
            {
                Seconds = effort.Seconds - (report.Leakage?.Seconds ?? 0) - (control?.Seconds ?? 0),
                CpuSeconds = effort.CpuSeconds - (report.Leakage?.CpuSeconds ?? 0) - (control?.CpuSeconds ?? 0),
            },
        };
        report = GroundsRule.Standard.Grounded(report with { Verdict = VerdictRule.Standard.Of(report, floor) }, floor);
        return new(report with { Findings = CaseFindings.Standard.Of(report, floor).AddRange(report.Findings) });
    }

    /// <summary>Writes what came back as arrays.</summary>
    private static void Keep(OpenCase opened, Reconstruction found, float[][] images)
    {
        var folder = Path.Combine(opened.Options.Folder, "reconstructions");
        Directory.CreateDirectory(folder);
        ArrayFile.Write(Path.Combine(folder, $"{opened.Case.Id[..12]}.npz"),
        [
            NamedArray.Of("images", found.Images.shape.ToValueList(), images.SelectMany(image => image).ToArray().AsSpan()),
            NamedArray.Of("labels", [found.Labels.Classes.Count], found.Labels.Classes.Select(label => (long)label).ToArray().AsSpan()),
        ]);
    }

    /// <summary>The judgment, and the number of images among which identification chose; nothing without the truth.</summary>
    private (Judgment? Judgment, int Pool) Judged(OpenCase opened, Reconstruction found, float[][] images, PriorControl? control)
    {
        var round = opened.Round;
        if (round.Truth is not { } truth)
            return (null, 0);
        var candidates = new ImageBatch(round.Model.Input, round.PublicImages.Concat(truth.Images)
            .Concat(control is null ? [] : control.Distractors).Select(image => image.Pixels.ToArray()));
        using var trunk = Perceptual is null ? null : SqueezeTrunk.Open(Perceptual);
        return (Judge.Compare(truth, new ImageBatch(round.Model.Input, images), found.Labels.Classes,
            new Baselines(round.PublicImages, opened.Random), MetricSet.Of(round.Model, candidates, trunk), control?.Images),
            candidates.Count);
    }

    private static CaseReport Blank(Case one, Outcome outcome) => new()
    {
        Id = one.Id,
        Name = one.Name,
        Axes = one.Axes,
        Configuration = one.Json,
        Equation = Explanation.Equation(one.Configuration),
        Seed = one.Configuration.Seed,
        Outcome = outcome.Kind.ToString(),
        Advice = outcome.Advice,
        Verdict = new(LeakLevel.Inconclusive, ""),
        Cost = new(0, 0, 0, 0, 0),
        RelativeMisfit = double.NaN,
        Cites = Explanation.Cites(one.Configuration),
    };
}
