using System.Collections.Immutable;
using Afterimage.Attacks;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Findings;
using Afterimage.Numerics;
using Afterimage.Reports;
using Afterimage.Reports.Conclusions;

namespace Afterimage.Audit.Measurements;

/// <summary>
/// Trains the model of every case in a federation under its defense, and attacks updates of held-out clients on the way: what a defense
/// costs in accuracy beside what it leaves to an attacker.
/// </summary>
public sealed record DefendMeasurement : Measurement<AuditReport>
{
    private const int Tests = 20;

    /// <summary>How each update is attacked and judged.</summary>
    public AttackAndJudge Audit { get; init; } = new();

    /// <inheritdoc/>
    public override bool Journaled => true;

    /// <inheritdoc/>
    public override string? Fault(Experiment experiment) => experiment.Federation is null
        ? "This experiment trains no federation: give it \"federation\", for example with --rounds."
        : experiment.Client is not SimulatedClient
            ? "A federation is simulated, so its clients hold images of a data set: leave out the update file." : null;

    /// <inheritdoc/>
    public override CaseResult Measure(OpenCase opened, Action<AuditEvent> publish, CancellationToken cancellation)
    {
        var one = opened.Case;
        var federation = one.Configuration.Federation!;
        var client = (SimulatedClient)one.Configuration.Client;
        var watch = new PhaseWatch(one.Id, publish);
        watch.See(new("reads the data"));
        var data = client.Data.Open();
        var random = opened.Random.Derive("federation", one.Trial);
        int[] labels = [.. Enumerable.Range(0, data.Count).Select(index => data[index].Label)];
        var split = ClientSplit.Of(labels, federation, client.BatchSize, random);
        using var model = opened.Round.Model.To(opened.Round.Model.Type, opened.Round.Model.Device);
        using var training = new FederatedTraining(model, data, split, client, federation, random);
        var probes = federation.Probes();
        var (accuracy, found, rounds) = (new List<AccuracyPoint>(), new List<CaseReport>(), new List<RoundLeak>());
        var every = Math.Max(1, federation.Rounds / Tests);
        while (true)
        {
            var (done, isProbe) = (training.Rounds, probes.Contains(training.Rounds));
            if (isProbe || done % every == 0 || done == federation.Rounds)
                accuracy.Add(new(done, training.Accuracy()));
            for (var held = 0; isProbe && held < split.HeldOut.Length; held++)
            {
                cancellation.ThrowIfCancellationRequested();
                var (report, leak) = Attack(opened, model, split.HeldOut[held], done, held + 1, publish, cancellation);
                cancellation.ThrowIfCancellationRequested();
                found.Add(report);
                rounds.Add(leak);
            }
            if (done == federation.Rounds)
                break;
            watch.See(new("trains the federation", done, federation.Rounds, "rounds"));
            training.Round(cancellation);
        }
        return new CaseFinished(Joined(one, found) with
        {
            Federation = new()
            {
                Setting = $"{federation.Words()}, {split.Clients.Sum(part => part.Length)} training images, updates of " +
                    $"{federation.ClientBatch ?? client.BatchSize}; attacked: {split.HeldOut.Length} held-out clients with updates of " +
                    $"{client.BatchSize}, after {string.Join(", ", probes)} rounds.",
                Accuracy = [.. accuracy],
                TestImages = split.Test.Length,
                Clients = [.. split.Clients.Select(part => Classes(part, labels, data.ClassNames.Count))],
                Rounds = [.. rounds],
            },
            Cost = new(found.Sum(part => part.Cost.Evaluations), found.Sum(part => part.Cost.Iterations),
                found.Sum(part => part.Cost.Restarts), opened.Effort.Seconds, opened.Effort.CpuSeconds),
        });
    }

    /// <inheritdoc/>
    public override CaseResult? Failed(Case one, Outcome failure, Effort effort) => Audit.Failed(one, failure, effort);

    /// <summary>Writes report.html, report.json, report.csv and frontier.csv.</summary>
    public override AuditReport Conclude(AuditReport header, IReadOnlyList<CaseResult> results, RunOptions options)
    {
        ImmutableArray<CaseReport> cases = [.. results.Cast<CaseFinished>().Select(result => result.Report)];
        var settings = cases.IsEmpty ? null : System.Text.Json.Nodes.JsonNode.Parse(cases[0].Configuration)?["federation"];
        var frontier = FrontierRule.Of(cases, settings?["require"]?.GetValue<string>(),
            settings?["allowInconclusive"]?.GetValue<bool>() ?? false);
        var report = Audit.Report(header, results) with { Frontier = frontier };
        return AttackAndJudge.Written(report, options.Folder);
    }

    /// <inheritdoc/>
    public override AuditEvent Finished(AuditReport report) => new AuditFinished(report);

    private (CaseReport Report, RoundLeak Leak) Attack(OpenCase opened, Models.VictimModel model, int[] images, int round, int client,
        Action<AuditEvent> publish, CancellationToken cancellation)
    {
        var one = opened.Case;
        var name = $"round {round}, client {client}";
        var simulated = (SimulatedClient)one.Configuration.Client with { Images = images.ToValueList() };
        // The identity of a case names its pictures, and every attacked update has its own.
        var probe = new Case(one.Configuration, one.Trial, one.Axes, one.Json, name);
        void Publish(AuditEvent next) => publish(next switch
        {
            PhaseSeen phase => phase with { Id = one.Id, Name = $"{name}: {phase.Name}" },
            IterateSeen iterate => iterate with { Id = one.Id },
            var other => other,
        });
        var random = opened.Random.Derive("held out", one.Trial).Derive(name);
        using var sent = simulated.Open(new TrainedModel(model), 0, random, model.Device);
        using var attacked = new OpenCase(probe, Stream, opened.Options, new(), Publish, sent);
        var report = ((CaseFinished)Audit.Measure(attacked, Publish, cancellation)).Report;
        return (report, new(round, client, report.Outcome, report.RelativeMisfit, report.Metrics.GetValueOrDefault("psnr"),
            report.Identification?.Found ?? 0, report.Images.Length, report.Leakage?.Forecast().Images, LayerShares.Of(attacked)));
    }

    /// <summary>The attacked updates of one case as one report.</summary>
    private static CaseReport Joined(Case one, List<CaseReport> found)
    {
        ImmutableArray<ImageReport> images =
            [.. found.SelectMany(part => part.Images).Select((image, index) => image with { Index = index })];
        var worst = found.FirstOrDefault(part => part.Outcome != "Converged") ?? found[^1];
        var judged = images.Where(image => !image.Metrics.IsEmpty).ToArray();
        string[] metrics = [.. judged.SelectMany(image => image.Metrics.Keys).Distinct()];
        string[] baselines = [.. judged.SelectMany(image => image.Baselines.Keys).Distinct()];
        return worst with
        {
            Id = one.Id,
            Name = one.Name,
            Axes = one.Axes,
            Configuration = one.Json,
            RelativeMisfit = found.Max(part => part.RelativeMisfit),
            LabelAccuracy = found.All(part => part.LabelAccuracy is null) ? null : found.Average(part => part.LabelAccuracy ?? 0),
            Labels = null,
            Curves = [],
            Leakage = null,
            Images = images,
            Metrics = metrics.ToImmutableSortedDictionary(name => name, name => Spread.Of(judged.Select(image => image.Metrics[name]))),
            Baselines = metrics.ToImmutableSortedDictionary(name => name, name => baselines.ToImmutableSortedDictionary(
                baseline => baseline, baseline => Spread.Of(judged.Where(image => image.Baselines.ContainsKey(baseline))
                    .Select(image => image.Baselines[baseline][name])))),
            Pool = found.Max(part => part.Pool),
            Identification = IdentificationFinding.Rate(found),
            Verdict = VerdictRule.Standard.Of(found),
            Grounds = GroundsRule.Standard.Of(found),
            Findings = [.. AuditFindings.Of(found).Concat(found.SelectMany(part => part.Findings)
                .Where(finding => finding.Severity == Severity.Warning)).Distinct()],
            Cites = [.. found.SelectMany(part => part.Cites).Distinct().Order(StringComparer.Ordinal)],
        };
    }

    private static ImmutableArray<int> Classes(int[] images, int[] labels, int classes) =>
        [.. Enumerable.Range(0, classes).Select(label => images.Count(image => labels[image] == label))];
}
