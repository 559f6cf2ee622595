using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// The cheapest method that applies, and the next where it does not converge: closed forms, second order, matching. Closed forms are the
/// bias attack (milliseconds), sparse columns and the recursion through all layers (seconds), and that through ReLU (half a minute).
/// Gauss-Newton follows on smooth networks, and behind gradient matching on others without convolutions; the rest are searched from the head
/// down. Where clients add noise Gauss-Newton follows a closed form that succeeded. The notes say why.
/// </summary>
public sealed record Best : Attack
{
    /// <summary>For the methods that look for images of known labels; closed forms find the labels themselves.</summary>
    public LabelRule Labels { get; init; } = new RefinedCounts();

    /// <summary>What an image of solved features may leave of them.</summary>
    private const double WellSeen = 0.2;

    public override Reconstruction Run(AttackContext context, Action<Iterate>? watch = null, CancellationToken cancellation = default)
    {
        var notes = new List<string>();
        Reconstruction? best = null;
        var (chosen, tried, before, iterations, evaluations) = ("", 0, 0, 0, 0);
        // A closed form explains a noisy update, but does not weigh equations by their noise as Gauss-Newton does.
        var rough = false;
        foreach (var (name, attack) in Methods(context, notes).Where(method => !rough || method.Attack is GaussNewton))
        {
            var from = tried;
            Action<Iterate>? watchThis = watch is null ? null : iterate => watch(iterate with { Restart = iterate.Restart + from });
            var found = attack.Run(context, watchThis, cancellation);
            notes.Add($"{name}: {found.Outcome.Advice}");
            (tried, iterations, evaluations) = (tried + found.Restarts, iterations + found.Iterations, evaluations + found.Evaluations);
            // On ReLU networks an almost right image may leave more of the update unexplained than a gray one: features that were solved for decide.
            var solved = attack is RectifiedRecursion && found.Outcome.Kind != OutcomeKind.Refused && found.Objective < WellSeen;
            var better = solved || best is null || best.Outcome.Kind == OutcomeKind.Refused
                || (rough && found.Outcome.Kind == OutcomeKind.Converged)
                || (found.Outcome.Kind != OutcomeKind.Refused && !(found.RelativeMisfit >= best.RelativeMisfit));
            (better ? best : found)?.Dispose();
            if (better)
                (best, chosen, before) = (found, name, from);
            var converged = found.Outcome.Kind == OutcomeKind.Converged;
            rough |= converged && context.Observation.Noise > 0 && attack is not (GaussNewton or GradientMatching);
            if (solved || found.Outcome.Kind == OutcomeKind.Canceled || (converged && (!rough || attack is GaussNewton)) || cancellation.IsCancellationRequested)
                break;
        }
        using (best)
            return Told(best!, chosen, notes, before, tried, iterations, evaluations);
    }

    /// <summary>From the cheapest on. Closed forms refuse by themselves; for the others the reason is noted.</summary>
    private IEnumerable<(string Name, Attack Attack)> Methods(AttackContext context, List<string> notes)
    {
        yield return ("Bias attack", new LinearLayerInversion());
        yield return ("Sparse columns of the first layer", new ReluBatchInversion());
        if (context.Observation.BatchSize == 1)
            yield return ("Recursion through the layers", new RecursiveInversion());
        else
            notes.Add("Recursion through the layers: not tried, for it reads one image, not a batch.");
        var kinked = ModelCard.Of(context.Model, "").IsSmooth == false;
        if (context.Observation.BatchSize == 1 && kinked)
            yield return ("Recursion through ReLU", new RectifiedRecursion());
        if (Obstacle(context) is { } obstacle)
        {
            notes.Add($"Gauss-Newton from the start: not tried, for {obstacle}.");
            if (kinked && context.Observation.Training is FedSgd && Labels is not (Joint or SoftLabels))
                yield return context.Model.Network is { } network && network.Layers.All(layer => layer is Linear or Activation or Flatten)
                    ? ("Gauss-Newton after gradient matching", new GaussNewton { Labels = Labels, First = Known.RectifiedMatching, Restarts = 2 })
                    : ("Search from the head down", new DeepFirst { Labels = Labels });
        }
        else
            yield return ("Gauss-Newton", new GaussNewton { Labels = Labels });
        yield return ("Gradient matching", Known.Matching with { Labels = Labels });
    }

    /// <summary>Why second order does not apply, or null.</summary>
    private string? Obstacle(AttackContext context) =>
        Labels is Joint ? "the labels are unknowns as well"
        : context.Observation.Training is not FedSgd ? "the update is made of several local steps"
        : context.Model.Device.type != DeviceType.CPU ? "the model does not live on the CPU"
        : ModelCard.Of(context.Model, "").IsSmooth switch
        {
            true => null,
            false => "ReLU or max pooling makes the gradient jump, where second-order steps fail",
            _ => "the model's layers are unknown, and second-order steps need smooth ones",
        };

    private static Reconstruction Told(Reconstruction found, string name, List<string> notes, int before, int restarts,
        int iterations, int evaluations)
    {
        using var scope = Tidy.Scope();
        return new()
        {
            Images = found.Images.clone().MoveToOuterDisposeScope(),
            Labels = found.Labels,
            Objective = found.Objective,
            RelativeMisfit = found.RelativeMisfit,
            Outcome = found.Outcome,
            Operator = found.Operator,
            Restart = found.Restart + before,
            Restarts = restarts,
            Iterations = iterations,
            Evaluations = evaluations,
            Notes = [$"{name} was chosen.", .. notes, .. found.Notes],
        };
    }
}
