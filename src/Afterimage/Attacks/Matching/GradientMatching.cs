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
public sealed record GradientMatching : Attack
{
    public LabelRule Labels { get; init; } = new BiasSign();

    public Start Start { get; init; } = new Uniform();

    public SearchSpace Space { get; init; } = new Pixels();

    public Fidelity Fidelity { get; init; } = new Euclidean();

    public ValueList<Prior> Priors { get; init; } = [];

    public Solver Solver { get; init; } = new Lbfgs();

    /// <summary>What is unknown of the client's training and looked for together with the images; null is nothing.</summary>
    public Nuisance? Nuisance { get; init; }

    /// <summary>
    /// Continuation: factors of the prior weights, one solver run for each, every run from where the one before ended. A strong
    /// prior leads past wrong images, a weak one at the end lets the update decide.
    /// </summary>
    public ValueList<double> Continuation { get; init; } = [1];

    /// <summary>
    /// Whether the weights of priors are relative to the fidelity of a gray batch, so that one weight suits models whose updates say more
    /// or less of the images.
    /// </summary>
    public bool RelativePriors { get; init; }

    /// <summary>Starts tried at most. Where labels are uncertain, each takes the next most plausible ones.</summary>
    public int Restarts { get; init; } = 1;

    /// <summary>A restart whose relative misfit |A(x) - y| / |y| ends below this has converged, and no further one is tried; 0 tries all.</summary>
    public double Tolerance { get; init; } = 1e-3;

    public Precision Precision { get; init; } = Precision.Float32;

    public override Reconstruction Run(AttackContext context, Action<Iterate>? watch = null, CancellationToken cancellation = default)
    {
        if (Restarts < 1)
            throw new AfterimageException($"An attack needs at least one start; restarts is {Restarts}.");
        using var scope = Tidy.Scope();
        var own = Precision == Precision.Float64 ? context.To(ScalarType.Float64) : null;
        try
        {
            return Search(own ?? context, watch, cancellation);
        }
        finally
        {
            own?.Dispose();
        }
    }

    private Reconstruction Search(AttackContext context, Action<Iterate>? watch, CancellationToken cancellation)
    {
        var labels = Labels.Recover(context);
        var plausible = Guesses(context, labels).Take(Restarts).ToList();
        var results = new List<MatchingResult>();
        try
        {
            if (Priors.OfType<GroupConsistency>().FirstOrDefault(prior => prior.Weight != 0) is { } group)
            {
                var runs = new List<MatchingRun>();
                new MatchingGroup(group, labels).Descend(Enumerable.Range(0, Restarts).Select(Begin), runs, See, cancellation);
                results.AddRange(runs.Select(run => run.Result()));
            }
            else
                foreach (var result in ParallelRestarts.Run(Restarts, context.Workers, Descend, cancellation))
                {
                    results.Add(result);
                    if (result.RelativeMisfit < Tolerance)
                        break;
                }
            return Conclude(context, labels, results, cancellation.IsCancellationRequested);
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
            var run = BeginPlausible(restart);
            foreach (var iterate in run.Descend())
            {
                See(run, iterate);
                if (stop.IsCancellationRequested)
                    break;
            }
            return run.Result();
        }

        void See(MatchingRun run, SolverStep iterate) =>
            watch?.Invoke(new(run.Restart, run.Steps - 1, iterate.Value, run.Evaluations, () => run.Objective.Images(iterate.Point)));
    }

    /// <summary>
    /// Labels to try in turn. Where several local steps take mini-batches, nobody says which label is in which: other orders come next where
    /// all labels are sure, and after a few other labels where they are not.
    /// </summary>
    private static IEnumerable<Labels> Guesses(AttackContext context, Labels labels)
    {
        var guesses = labels.Plausible(context.Model.Classes);
        if (context.Observation is not { Labels: null, Training: FedAvg training })
            return guesses;
        var first = labels.Confidence.All(confidence => confidence > 0.95) ? 1 : 4;
        return guesses.Take(first).Concat(labels.Dealt(training.BatchSize).Skip(1)).Concat(guesses.Skip(first));
    }

    private Reconstruction Conclude(AttackContext context, Labels labels, List<MatchingResult> results, bool canceled)
    {
        var best = results.Where(result => result.Images is not null).MinBy(result => result.Value);
        var (iterations, evaluations) = (results.Sum(result => result.Steps), results.Sum(result => result.Evaluations));
        if (best is null)
            return new()
            {
                Images = full(context.ImagesShape, 0.5, ScalarType.Float32).MoveToOuterDisposeScope(),
                Labels = labels,
                Objective = double.NaN,
                RelativeMisfit = double.NaN,
                Outcome = canceled
                    ? new(OutcomeKind.Canceled, "The attack was stopped before its first iterate; run it again to continue.")
                    : new(OutcomeKind.Diverged, "No start gave a finite objective: lower the learning rate, or check the model's weights and the update for huge values."),
                Restarts = results.Count,
                Iterations = iterations,
                Evaluations = evaluations,
            };
        return new()
        {
            Images = best.Images!.clone().MoveToOuterDisposeScope(),
            Labels = best.Labels,
            Objective = best.Value,
            RelativeMisfit = best.RelativeMisfit,
            Outcome = Judge(best.RelativeMisfit, results.Count, canceled),
            Operator = Nuisance is null or UpdateScale ? context.Operator.Reason
                : "The operator depends on more than images, so it is automatic differentiation.",
            Notes = best.Note is { } note ? [note] : [],
            Restart = best.Restart,
            Restarts = results.Count,
            Iterations = iterations,
            Evaluations = evaluations,
        };
    }

    private Outcome Judge(double misfit, int restarts, bool canceled)
    {
        if (canceled)
            return new(OutcomeKind.Canceled, $"Stopped early; the best reconstruction so far explains the update up to {misfit:P1}.");
        if (misfit < Math.Max(Tolerance, 1e-3))
            return new(OutcomeKind.Converged, $"The reconstruction explains the update up to {misfit:G2} of its norm.");
        return new(OutcomeKind.BudgetSpent,
            $"After {restarts} start{(restarts == 1 ? "" : "s")} the reconstruction leaves {misfit:P1} of the update unexplained: the attack did not converge, " +
            "so a poor image here is no sign of protection; give it more iterations or restarts, or another attack.");
    }
}

public enum Precision { Float32, Float64 }
