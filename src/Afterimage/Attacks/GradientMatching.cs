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
    public LabelRecovery.LabelRecovery Labels { get; init; } = new BiasSign();

    public Start Start { get; init; } = new Uniform();

    public SearchSpace Space { get; init; } = new Pixels();

    public Fidelity Fidelity { get; init; } = new Euclidean();

    public Seq<Prior> Priors { get; init; } = [];

    public Solver Solver { get; init; } = new Lbfgs();

    /// <summary>What is unknown of the client's training and looked for together with the images; null is nothing.</summary>
    public Nuisance? Nuisance { get; init; }

    /// <summary>
    /// Continuation: factors of the prior weights, one solver run for each, every run from where the one before ended. A strong
    /// prior leads past wrong images, a weak one at the end lets the update decide.
    /// </summary>
    public Seq<double> Continuation { get; init; } = [1];

    /// <summary>Starts tried at most.</summary>
    public int Restarts { get; init; } = 1;

    /// <summary>A restart whose relative misfit |A(x) - y| / |y| ends below this has converged, and no further one is tried; 0 tries all.</summary>
    public double Tolerance { get; init; } = 1e-3;

    public Precision Precision { get; init; } = Precision.Float32;

    public override Reconstruction Run(AttackContext context, Action<Sighting>? watch = null, CancellationToken cancellation = default)
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

    private Reconstruction Search(AttackContext context, Action<Sighting>? watch, CancellationToken cancellation)
    {
        var labels = Labels.Recover(context);
        var runs = new List<MatchingRun>();
        void See(MatchingRun run, Iterate iterate) => watch?.Invoke(new(run.Restart, run.Steps - 1, iterate.Value, runs.Sum(other => other.Evaluations),
            () => run.Objective.Images(iterate.Point)));
        if (Priors.OfType<GroupConsistency>().FirstOrDefault(prior => prior.Weight != 0) is { } group)
            new MatchingGroup(group, labels).Descend(Enumerable.Range(0, Restarts).Select(Begin), runs, See, cancellation);
        else
            while (runs.Count < Restarts && !cancellation.IsCancellationRequested && !runs.Any(run => run.RelativeMisfit < Tolerance))
            {
                runs.Add(Begin(runs.Count));
                foreach (var iterate in runs[^1].Descend())
                {
                    See(runs[^1], iterate);
                    if (cancellation.IsCancellationRequested)
                        break;
                }
            }
        return Conclude(context, labels, runs, cancellation.IsCancellationRequested);

        MatchingRun Begin(int restart) => new(context, this, labels, restart);
    }

    private Reconstruction Conclude(AttackContext context, Labels labels, List<MatchingRun> runs, bool canceled)
    {
        var best = runs.Where(run => run.Best is not null).MinBy(run => run.Value);
        var (iterations, evaluations) = (runs.Sum(run => run.Steps), runs.Sum(run => run.Evaluations));
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
                Restarts = runs.Count,
                Iterations = iterations,
                Evaluations = evaluations,
            };
        var misfit = best.RelativeMisfit;
        return new()
        {
            Images = best.Objective.Images(best.Best!).to(ScalarType.Float32).cpu().MoveToOuterDisposeScope(),
            Labels = labels.Refine ? best.Refined() : labels,
            Objective = best.Value,
            RelativeMisfit = misfit,
            Outcome = Judge(misfit, runs.Count, canceled),
            Operator = Nuisance is null or UpdateScale ? context.Operator.Reason
                : "The operator depends on more than images, so it is automatic differentiation.",
            Notes = best.Objective.Describe(best.Best!) is { } found ? [found] : [],
            Restart = best.Restart,
            Restarts = runs.Count,
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
