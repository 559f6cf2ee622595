using Afterimage.Federation;
using Afterimage.Solvers;

namespace Afterimage.Attacks;

/// <summary>
/// One restart of gradient matching: through the stages of its space and the continuation of its priors. It lives in the scope of the
/// thread that began it; what is left of it is a <see cref="MatchingResult"/>.
/// </summary>
internal sealed class MatchingRun
{
    private readonly AttackContext context;
    private readonly GradientMatching attack;
    private readonly Labels labels;
    private readonly RandomSource random;
    private readonly double scale;
    private double? misfit;
    private readonly Tensor targets;
    private (MatchingObjective Objective, Tensor Point, double Value)? least;
    private int evaluationsBefore;
    private bool outdated;

    public MatchingRun(AttackContext context, GradientMatching attack, Labels labels, int restart)
    {
        (this.context, this.attack, this.labels, Restart) = (context, attack, labels, restart);
        random = context.Random.Derive("restart", restart);
        targets = labels.Targets(context.Model.Classes, context.Model.Type, context.Model.Device);
        Objective = Match(attack.Space.Stages[0].Open(context, attack.Start.Draw(context, random), random, targets), null);
        scale = attack.RelativePriors ? Objective.FidelityOfGray() : 1;
    }

    public int Restart { get; }

    /// <summary>Of the current stage.</summary>
    public MatchingObjective Objective { get; private set; }

    /// <summary>The best iterate of the current stage and prior weights; score and point always belong together.</summary>
    public Tensor? Best { get; private set; }

    public double Value { get; private set; } = double.PositiveInfinity;

    public int Steps { get; private set; }

    public int Evaluations => evaluationsBefore + Objective.Evaluations;

    public double RelativeMisfit => Best is null ? double.PositiveInfinity : misfit ??= Objective.RelativeMisfit(Best);

    /// <summary>Iterates until the last stage is done or a value is not finite.</summary>
    public IEnumerable<SolverStep> Descend()
    {
        var spaces = attack.Space.Stages;
        var shares = spaces.Sum(space => space.Share);
        for (var stage = 0; stage < spaces.Count; stage++)
        {
            if (stage > 0)
                Continue(spaces[stage]);
            var solver = attack.Solver with
            {
                Iterations = Math.Max(1, (int)(attack.Solver.Iterations * spaces[stage].Share / shares)),
            };
            foreach (var factor in stage == spaces.Count - 1 ? attack.Continuation : [.. attack.Continuation.Take(1)])
            {
                Objective.PriorFactor = factor * scale;
                Forget();
                Objective.Begin(Steps);
                foreach (var iterate in solver.Descend(Objective, Best ?? Objective.Start, random))
                {
                    Steps++;
                    Offer(iterate);
                    yield return iterate;
                    if (!double.IsFinite(iterate.Value))
                        break;
                    Objective.Begin(Steps);
                }
                if (Best is null)
                    yield break;
            }
        }
    }

    private MatchingObjective Match(Spaces.Search search, Tensor? beside) =>
        new(context, search, attack.Fidelity, attack.Priors, labels, random, attack.Nuisance, beside);

    private void Continue(Spaces.SearchSpace space)
    {
        var (beside, consensus) = (Objective.Beside(Best!), Objective.Consensus);
        if (attack.Space.TakesBestStage && !(least?.Value <= Value))
            least = (Objective, Best!, Value);
        evaluationsBefore += Objective.Evaluations;
        Objective = Match(Objective.Follow(space, Best!, random, targets), beside);
        Objective.Consensus = consensus;
        (Best, Value) = (null, double.PositiveInfinity);
    }

    /// <summary>Goes back to the stage of the least objective where that is the result.</summary>
    private void Settle()
    {
        if (least is not { } stage || Best is not null && Value < stage.Value)
            return;
        evaluationsBefore += Objective.Evaluations - stage.Objective.Evaluations;
        (Objective, Best, Value, misfit) = (stage.Objective, stage.Point, stage.Value, null);
    }

    /// <summary>The objective has changed: values from before no longer compare, and the next iterate takes the best one's place.</summary>
    public void Forget() => outdated = true;

    private void Offer(SolverStep iterate)
    {
        if (!(iterate.Value < Value || outdated && double.IsFinite(iterate.Value)))
            return;
        outdated = false;
        Best ??= empty_like(iterate.Point);
        Best.copy_(iterate.Point);
        (Value, misfit) = (iterate.Value, null);
    }

    /// <summary>What this restart found, out of every scope.</summary>
    public MatchingResult Result()
    {
        using var scope = Tidy.Scope();
        Settle();
        return new()
        {
            Restart = Restart,
            Images = Best is null ? null : Objective.Images(Best).to(ScalarType.Float32).cpu().DetachFromDisposeScope(),
            Labels = labels.Refine && Best is not null ? Objective.Refined(Best) : labels,
            Value = Value,
            RelativeMisfit = RelativeMisfit,
            Note = Best is null ? null : Objective.Describe(Best),
            Steps = Steps,
            Evaluations = Evaluations,
        };
    }
}

/// <summary>What one restart of gradient matching found.</summary>
internal sealed class MatchingResult : IDisposable
{
    public required int Restart { get; init; }

    /// <summary>Images in [0,1], shape [B,C,H,W], float32 on the CPU; null where no objective was finite.</summary>
    public required Tensor? Images { get; init; }

    public required Labels Labels { get; init; }

    public required double Value { get; init; }

    public required double RelativeMisfit { get; init; }

    public required string? Note { get; init; }

    public required int Steps { get; init; }

    public required int Evaluations { get; init; }

    public void Dispose() => Images?.Dispose();
}
