using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Networks;

namespace Afterimage.Attacks;

/// <summary>One method of <see cref="Best"/>.</summary>
/// <param name="Name">For people.</param>
/// <param name="Attack">With its settings.</param>
/// <param name="Weight">Its share of the time next to the other searches; 0 for one that solves equations and ends by itself.</param>
/// <param name="Obstacle">Why the policy leaves it out here, one sentence; null where it may be tried.</param>
internal sealed record Method(string Name, Attack Attack, double Weight = 0, string? Obstacle = null)
{
    /// <summary>Whether it solves equations, which cost seconds and prove themselves.</summary>
    public bool IsExact => Weight == 0;

    /// <summary>Whether it weighs equations by their noise, so that nothing better is to be expected where clients add some.</summary>
    public bool WeighsNoise => Attack is GaussNewton;
}

/// <summary>
/// Which methods apply to a round, in which order. Closed forms come first: they cost seconds and prove themselves. Of the searches the
/// second-order one comes first on smooth networks, where it reaches the precision of the update; on networks with ReLU without
/// convolutions it polishes what matching found; behind convolutions with ReLU the search goes from the head down. A model of unknown
/// layers is matched both ways, as if it were smooth and as if it were not.
/// </summary>
internal static class BestPolicy
{
    public static IEnumerable<Method> Methods(AttackContext context, LabelRule labels, string? inverter)
    {
        yield return new("Bias attack", context.Observation.Training.Loss.HeadObstacle is null
            ? new LinearLayerInversion() : new LossFreeInversion());
        yield return new("Patch embedding", new PatchEmbeddingInversion { Labels = labels });
        yield return new("Sparse columns of the first layer", new ReluBatchInversion());
        yield return new("Recursion through the layers", new RecursiveInversion());
        yield return new("Recursion through ReLU", new RectifiedRecursion(), Obstacle: IsKinked(context) == false
            ? "No layer has a ReLU or a max pooling, so the recursion through smooth layers reads it." : null);
        yield return new("Features of smooth convolutions", new SmoothInversion(), Weight: 1);
        yield return new("Separation of the batch", new BatchSeparation());
        if (inverter is not null)
            yield return Learned(context, labels, inverter);
        var newton = new GaussNewton { Labels = labels, PublicAtHand = true };
        if (SecondOrder(context, labels) is not { } obstacle)
            yield return new("Gauss-Newton", newton, Weight: 3);
        else if (labels is not Joint && context.Observation.Training is FedSgd && IsKinked(context) == true && !HasConvolutions(context))
        {
            var after = newton with { First = Known.RectifiedMatching, Restarts = 2, PublicAtHand = false };
            yield return new("Gauss-Newton after gradient matching", after, Weight: 2);
        }
        else
        {
            yield return new("Gauss-Newton", newton, Weight: 3, Obstacle: obstacle);
            yield return new("Search from the head down", new DeepFirst { Labels = labels }, Weight: 2);
        }
        var batch = context.Observation.BatchSize;
        yield return context.Observation.Training is FedAvg training && training.Epochs * training.StepsOf(batch) > 1
            ? new("Gradient matching over local steps", Known.LocalMatching with { Labels = labels }, Weight: 1)
            : new("Gradient matching", Known.Matching with { Labels = labels }, Weight: 1);
        // A script may hide ReLU, on which L-BFGS stops early and leaves most of its time.
        if (context.Model.Network is null && context.Observation.Training is FedSgd)
            yield return new("Gradient matching by directions", Known.RectifiedMatching with { Labels = labels }, Weight: 1);
    }

    /// <summary>An inverter for this model and channel: one file, or the one of a folder's that was trained for them.</summary>
    private static Method Learned(AttackContext context, LabelRule labels, string place)
    {
        var attack = new LearnedInversion { Inverter = place, Labels = labels };
        if (!Directory.Exists(place))
            return new("Learned inversion", attack, Weight: 1);
        foreach (var file in Directory.EnumerateFiles(place, "*.safetensors").Order(StringComparer.Ordinal))
            if (Inverter.IsFor(file, context))
                return new("Learned inversion", attack with { Inverter = file }, Weight: 1);
        return new("Learned inversion", attack, Weight: 1, Obstacle: $"No inverter in {place} was trained for this model and its channel.");
    }

    /// <summary>Why second-order steps do not apply from a random start, or null.</summary>
    private static string? SecondOrder(AttackContext context, LabelRule labels) =>
        labels is Joint ? "The labels are unknowns as well."
        : context.Observation.Training is not FedSgd ? "The update is made of several local steps."
        : IsKinked(context) switch
        {
            false => null,
            true => "ReLU or max pooling makes the gradient jump, where second-order steps from a random start fail.",
            _ => "The model's layers are unknown, and second-order steps need smooth ones.",
        };

    private static bool? IsKinked(AttackContext context) => !ModelCard.Of(context.Model, "").IsSmooth;

    private static bool HasConvolutions(AttackContext context) =>
        context.Model.Network is not { } network || !network.Layers.All(layer => layer is Linear or Activation or Flatten or Dropout);
}
