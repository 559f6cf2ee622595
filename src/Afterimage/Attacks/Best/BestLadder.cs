using Afterimage.Federation;

namespace Afterimage.Attacks;

/// <summary>Methods tried one after the other, and the best that they found so far; it owns the images.</summary>
/// <param name="run">The attack that tries them.</param>
/// <param name="all">How many there are, those among them that will be refused.</param>
internal sealed class BestLadder(AttackRun run, int all) : IDisposable
{
    /// <summary>Of the time that is left, what a method that solves equations may take where searches still follow.</summary>
    private const double ExactShare = 0.9;

    private readonly List<MethodTried> tried = [];

    /// <summary>What methods read exactly whose images are not the result.</summary>
    private readonly List<Evidence> read = [];
    private Reconstruction? best;
    private (string Name, int Place, int Before) chosen;
    private bool rough;
    private int restarts, iterations, evaluations;

    /// <summary>Whether nothing more is to be tried, because of <see cref="Reason"/>.</summary>
    public bool IsOver => Reason.Length > 0;

    /// <summary>One sentence; empty while the ladder goes on.</summary>
    public string Reason { get; private set; } = "";

    /// <param name="method">The next one.</param>
    /// <param name="rest">It and those that follow.</param>
    public void Try(Method method, IReadOnlyList<Method> rest)
    {
        var refusal = rough && !method.WeighsNoise ? "A closed form has read the update; only a method that weighs its noise can do better."
            : method.Obstacle ?? method.Attack.Reason(run.Context);
        if (refusal is not null)
        {
            run.Note(new MethodSkipped(method.Name, refusal));
            return;
        }
        using var part = run.Context.Part($"{method.Name}, {all - rest.Count + 1} of {all}");
        using var round = part.Within(Share(method, rest));
        var before = restarts;
        Reconstruction found;
        try
        {
            found = method.Attack.Run(round, iterate => run.See(iterate with { Restart = iterate.Restart + before }), run.Stop);
        }
        catch (Exception fault) when (fault is not (OutOfMemoryException or AfterimageException))
        {
            // One method's failure, such as a factorization that libtorch gives up, is no reason to give up the others.
            run.Note(new MethodSkipped(method.Name, $"It failed: {fault.Message.Split('\n')[0].TrimEnd('.')}."));
            return;
        }
        (restarts, iterations, evaluations) = (restarts + found.Restarts, iterations + found.Iterations, evaluations + found.Evaluations);
        tried.Add(new(method.Name, found.Outcome, found.RelativeMisfit, found.Seconds, false));
        var outcome = found.Outcome.Kind;
        var seen = IsWellSeen(found);
        if (IsBetter(found, seen))
        {
            read.AddRange(best?.Evidence.OfType<BatchSeparated>() ?? []);
            best?.Dispose();
            (best, chosen) = (found, (method.Name, tried.Count - 1, before));
        }
        else
        {
            read.AddRange(found.Evidence.OfType<BatchSeparated>());
            found.Dispose();
        }
        var converged = outcome == OutcomeKind.Converged;
        rough |= converged && method.IsExact && run.Context.Observation.Channel.IsNoisy;
        if (run.Stop.IsCancellationRequested)
            Reason = "The time was over, or the attack was stopped.";
        else if (seen)
            Reason = $"{method.Name} found the image behind features that it solved for exactly.";
        else if (converged && (!rough || method.WeighsNoise))
            Reason = $"{method.Name} explains the update.";
    }

    /// <summary>The best so far.</summary>
    public SearchResult Result()
    {
        for (var i = 0; i < tried.Count; i++)
            run.Note(tried[i] with { Chosen = i == chosen.Place && best is not null });
        foreach (var note in read.Concat(best?.Evidence ?? []))
            run.Note(note);
        var found = best is not null && !double.IsNaN(best.RelativeMisfit);
        if (!found && !run.Stop.IsCancellationRequested)
            throw new AfterimageException(
                tried.LastOrDefault()?.Outcome.Advice ?? "No method can read this round: the notes say why for each.");
        var batch = run.Context.Observation.BatchSize;
        return new()
        {
            Images = found ? best!.Images.clone() : null,
            Labels = best?.Labels ?? new(new int[batch].ToValueList(), new double[batch].ToValueList()),
            Objective = best?.Objective,
            RelativeMisfit = best?.RelativeMisfit,
            Doubt = best?.Outcome is { Kind: OutcomeKind.BudgetSpent } spent ? spent.Advice : null,
            IsProven = best?.Outcome.Kind == OutcomeKind.Converged,
            Operator = best?.Operator,
            Restart = (best?.Restart ?? 0) + chosen.Before,
            Restarts = restarts,
            Iterations = iterations,
            Evaluations = evaluations,
        };
    }

    public void Dispose() => best?.Dispose();

    private double? Share(Method method, IReadOnlyList<Method> rest) => run.SecondsLeft is not { } left ? null
        : Math.Max(0, method.IsExact ? ExactShare * left : left * method.Weight / rest
            .Where(other => other.Obstacle is null && other.Attack.Reason(run.Context) is null).Sum(other => other.Weight));

    /// <summary>
    /// Whether features that were solved for fit. On ReLU networks a nearly right image may have a larger misfit than a gray one, so the
    /// misfit does not decide.
    /// </summary>
    private static bool IsWellSeen(Reconstruction found) => found.Outcome.Kind != OutcomeKind.Refused
        && (found.Evidence.OfType<FeaturesMatched>().Any(features => features.Residual < FeaturesMatched.WellSeen)
            || found.Evidence.OfType<ImagesMatched>().Any(images => images.IsWellSeen));

    private bool IsBetter(Reconstruction found, bool seen) => seen || best is null || double.IsNaN(best.RelativeMisfit)
        || (rough && found.Outcome.Kind == OutcomeKind.Converged) || found.RelativeMisfit < best.RelativeMisfit;
}
