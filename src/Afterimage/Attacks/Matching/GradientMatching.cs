using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.LabelRecovery;
using Afterimage.Priors;
using Afterimage.Solvers;
using Afterimage.Spaces;
using Afterimage.Starts;

namespace Afterimage.Attacks;

/// <summary>
/// Looks for images whose update matches the observed one (Zhu, Liu and Han, 2019): min over z of
/// Fidelity(A(decode(z)), y) + sum of priors. The published optimization attacks are settings of this record
/// (<see cref="Known"/>). Of all restarts the best iterate by the attacker's own objective is kept.
/// </summary>
[Cites("zhu2019deep")]
public sealed record GradientMatching : IterativeAttack
{
    /// <summary>Labels by the sign of the bias gradient.</summary>
    public GradientMatching() => Labels = new BiasSign();

    /// <summary>Where restarts begin.</summary>
    public Start Start { get; init; } = new Uniform();

    /// <summary>What the search moves.</summary>
    public SearchSpace Space { get; init; } = new Pixels();

    /// <summary>How updates are compared.</summary>
    public Fidelity Fidelity { get; init; } = new Euclidean();

    /// <summary>What is believed of images.</summary>
    public ValueList<Prior> Priors { get; init; } = [];

    /// <summary>How the objective is lowered.</summary>
    public Solver Solver { get; init; } = new Lbfgs();

    /// <summary>What is unknown of the client's training and looked for together with the images; null is nothing.</summary>
    public Nuisance? Nuisance { get; init; }

    /// <inheritdoc/>
    protected override bool ReadsSeveralRounds => Nuisance is null;

    /// <summary>
    /// Continuation: factors of the prior weights, one solver run for each, every run from where the one before ended. A strong
    /// prior leads past wrong images, a weak one at the end lets the update decide.
    /// </summary>
    [Range(0, 1e9), MinLength(1)]
    public ValueList<double> Continuation { get; init; } = [1];

    /// <summary>
    /// Whether the weights of priors are relative to the fidelity of a gray batch, so that one weight suits models whose updates say more
    /// or less of the images.
    /// </summary>
    public bool RelativePriors { get; init; }

    /// <summary>Relative misfit |A(x) - y| / |y| below which a restart has converged and no further one is tried; 0 tries all.</summary>
    [Range(0, 1e9)]
    public double Tolerance { get; init; } = 1e-3;

    /// <summary>Precision of model and search.</summary>
    public Precision Precision { get; init; } = Precision.Float32;

    /// <inheritdoc/>
    public override string Equation => MatchingText.Of(this);

    /// <inheritdoc/>
    public override int Budget => Restarts * Continuation.Count * Solver.Iterations;

    /// <inheritdoc/>
    public override string? Fault => Priors.Any(prior => prior is GroupConsistency { Weight: not 0 }) && Restarts < 2
        ? "Group consistency needs restarts to agree with: give the attack two restarts or more, or leave it out." : null;

    /// <inheritdoc/>
    public override bool HasTrainedPrior => Space.IsTrained || Start.IsTrained || Priors.Any(prior => prior.IsTrained && prior.Weight != 0);

    /// <inheritdoc/>
    public override Tensor? Imagine(AttackContext context, int count, RandomSource random) =>
        Space.Imagine(context, count, random) ?? Start.Imagine(count, random);

    /// <inheritdoc/>
    public override Attack? WithIterations(int iterations) => this with { Solver = Solver with { Iterations = iterations } };

    /// <inheritdoc/>
    protected override ChannelEffects Reads => ChannelEffects.All;

    /// <inheritdoc/>
    protected override bool InDouble => Precision == Precision.Float64;

    /// <inheritdoc/>
    protected override bool RefinesLabels => true;

    /// <inheritdoc/>
    protected override double ConvergedBelow => Math.Max(Tolerance, ExplainedMisfit);

    /// <inheritdoc/>
    protected override SearchResult Search(AttackRun run)
    {
        var (context, labels) = (run.Context, run.Labels);
        var plausible = Guesses(context, labels).Take(Restarts).ToList();
        var results = new List<MatchingResult>();
        try
        {
            if (Priors.OfType<GroupConsistency>().FirstOrDefault(prior => prior.Weight != 0) is { } group)
            {
                var runs = new List<MatchingRun>();
                new MatchingGroup(group, labels).Descend(Enumerable.Range(0, Restarts).Select(Begin), runs, See, run.Stop);
                results.AddRange(runs.Select(begun => begun.Result()));
            }
            else
                foreach (var result in ParallelRestarts.Run(Restarts, context.Workers, Descend, run.Stop))
                {
                    results.Add(result);
                    if (result.RelativeMisfit < Tolerance)
                        break;
                }
            return Conclude(run, results);
        }
        finally
        {
            results.ForEach(result => result.Dispose());
        }

        MatchingRun Begin(int restart) => new(context, this, labels, restart);

        // Uncertain labels, and ways to deal them out to local steps, are tried in turn: only true ones let the misfit vanish.
        MatchingRun BeginPlausible(int restart) => new(context, this, plausible[restart % plausible.Count], restart);

        MatchingResult Descend(int restart, CancellationToken stop)
        {
            using var scope = Tidy.Scope();
            var begun = BeginPlausible(restart);
            foreach (var iterate in begun.Descend())
            {
                See(begun, iterate);
                if (stop.IsCancellationRequested)
                    break;
            }
            return begun.Result();
        }

        void See(MatchingRun begun, SolverStep step) =>
            run.See(new(begun.Restart, begun.Steps - 1, step.Value, begun.Evaluations, () => begun.Objective.Images(step.Point)));
    }

    /// <summary>
    /// Labels to try in turn. Where several local steps take mini-batches, nobody says which label is in which: other orders come next
    /// where all labels are sure, and after a few other labels where they are not.
    /// </summary>
    private static IEnumerable<Labels> Guesses(AttackContext context, Labels labels)
    {
        var guesses = labels.Plausible(context.Model.Classes);
        if (context.Observation is not { Labels: null, Training: FedAvg training })
            return guesses;
        var first = labels.Confidence.All(confidence => confidence > 0.95) ? 1 : 4;
        return guesses.Take(first).Concat(labels.Dealt(training.BatchSize).Skip(1)).Concat(guesses.Skip(first));
    }

    private SearchResult Conclude(AttackRun run, List<MatchingResult> results)
    {
        var best = results.Where(result => result.Images is not null).MinBy(result => result.Value);
        if (best?.Note is { } note)
            run.Note(new Remark(note));
        return new()
        {
            Images = best?.Images!.clone(),
            Labels = best?.Labels ?? run.Labels,
            Objective = best?.Value,
            RelativeMisfit = best?.RelativeMisfit,
            Operator = Nuisance is null or UpdateScale ? run.Context.Operator.Reason
                : "The operator depends on more than images, so it is automatic differentiation.",
            Restart = best?.Restart ?? 0,
            Restarts = results.Count,
            Iterations = results.Sum(result => result.Steps),
            Evaluations = results.Sum(result => result.Evaluations),
        };
    }
}

/// <summary>Floating-point precision of a run.</summary>
public enum Precision
{
    /// <summary>As the model is given; usually float32.</summary>
    Float32,

    /// <summary>Double precision, whatever the model is given in.</summary>
    Float64,
}
