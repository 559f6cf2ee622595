using Afterimage.Federation;
using Afterimage.Solvers;

namespace Afterimage.Attacks;

/// <summary>One restart of gradient matching: through the stages of its space and the continuation of its priors.</summary>
internal sealed class MatchingRun
{
    private readonly AttackContext context;
    private readonly GradientMatching attack;
    private readonly Labels labels;
    private readonly RandomSource random;
    private double? misfit;
    private int evaluationsBefore;

    public MatchingRun(AttackContext context, GradientMatching attack, Labels labels, int restart)
    {
        (this.context, this.attack, this.labels, Restart) = (context, attack, labels, restart);
        random = context.Random.Derive("restart", restart);
        Objective = Open(attack.Space.Stages[0], attack.Start.Draw(context, random), null);
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
    public IEnumerable<Iterate> Descend()
    {
        var spaces = attack.Space.Stages;
        var solver = attack.Solver with { Iterations = Math.Max(1, attack.Solver.Iterations / spaces.Count) };
        for (var stage = 0; stage < spaces.Count; stage++)
        {
            if (stage > 0)
                Continue(spaces[stage]);
            foreach (var factor in stage == spaces.Count - 1 ? attack.Continuation : [.. attack.Continuation.Take(1)])
            {
                Objective.PriorFactor = factor;
                // Values under other prior weights do not compare.
                Value = double.PositiveInfinity;
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

    private MatchingObjective Open(Spaces.SearchSpace space, Tensor start, Tensor? beside) =>
        new(context, space.Open(context, start, random), attack.Fidelity, attack.Priors, labels, random, attack.Nuisance, beside);

    private void Continue(Spaces.SearchSpace space)
    {
        var (images, beside, consensus) = (Objective.Images(Best!), Objective.Beside(Best!), Objective.Consensus);
        evaluationsBefore += Objective.Evaluations;
        Objective = Open(space, images, beside);
        Objective.Consensus = consensus;
        Best = null;
    }

    private void Offer(Iterate iterate)
    {
        if (!(iterate.Value < Value))
            return;
        Best ??= empty_like(iterate.Point);
        Best.copy_(iterate.Point);
        (Value, misfit) = (iterate.Value, null);
    }

    /// <summary>The labels at the best iterate, where they were unknowns.</summary>
    public Labels Refined()
    {
        using var scope = Tidy.Scope();
        var (confidence, classes) = Objective.Targets(Best!).max(1);
        return new(classes.cpu().data<long>().Select(c => (int)c).ToSeq(), confidence.to(ScalarType.Float64).cpu().data<double>().ToSeq());
    }
}
