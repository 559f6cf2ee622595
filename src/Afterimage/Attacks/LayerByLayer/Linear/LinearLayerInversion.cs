using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// The bias attack (Phong et al., 2018; Geiping et al., NeurIPS 2020): where the first layer is linear with a bias, dL/dW_i = dL/db_i x for
/// a single image, so x is the ratio, exact to rounding. In a batch the ratio of a row is the image of the one sample that owns it;
/// rows that agree give themselves away. Without a bias a single image is read recursively from the head down.
/// </summary>
[Cites("phong2018privacy", "geiping2020inverting")]
public sealed record LinearLayerInversion : Attack
{
    /// <summary>Rows whose images differ by less than this, root mean square, are called the same image.</summary>
    private const double Same = 1e-5;

    /// <summary>How far rounding may take an image out of [0,1].</summary>
    private const double Slack = 1e-3;

    public override Reconstruction Run(AttackContext context, Action<Iterate>? watch = null, CancellationToken cancellation = default)
    {
        using var scope = Tidy.Scope();
        using var own = context.To(ScalarType.Float64);
        if (LayerChain.Of(own, out var obstacle) is not { } chain)
            return Verdict.Refused(context, obstacle);
        if (chain.Stages.First(stage => stage.Layer is not Flatten) is not { Layer: Linear } first)
            return Verdict.Refused(context, "The bias attack needs a network whose first layer is linear: " +
                "use \"recursive-inversion\" or gradient matching.");
        if (first.BiasGradient is null)
            return context.Observation.BatchSize == 1 ? FromTheHead(context, watch, cancellation)
                : Verdict.Refused(context, "The first layer has no bias, so a row of a batch cannot be divided by its bias gradient: " +
                    "use gradient matching.");
        return context.Observation.BatchSize == 1 ? Single(own, chain, first) : Rows(own, chain, first);
    }

    private static Reconstruction FromTheHead(AttackContext context, Action<Iterate>? watch, CancellationToken cancellation)
    {
        var found = new RecursiveInversion().Run(context, watch, cancellation);
        found.Images.MoveToOuterDisposeScope();
        return found;
    }

    private static Reconstruction Single(AttackContext context, LayerChain chain, Stage first)
    {
        var bias = first.BiasGradient!;
        var square = bias.square().sum();
        if (square.ToDouble() == 0)
            return Verdict.Refused(context, "No gradient reaches the first layer, so nothing can be read from it: use another update.");
        var inputs = bias.matmul(first.WeightGradient!) / square;
        var active = bias.ne(0).sum().ToInt64();
        return Verdict.Found(context, chain.Images(inputs), HeadLabels.Of(chain, chain.Shaped(inputs)), 1,
            [$"{active} of {bias.shape[0]} rows of the first layer carry the image."]);
    }

    private static Reconstruction Rows(AttackContext context, LayerChain chain, Stage first)
    {
        var batch = context.Observation.BatchSize;
        var strength = first.BiasGradient!.abs();
        var order = strength.argsort(descending: true);
        order = order[strength.index_select(0, order).gt(strength.max() * 1e-7)];
        var inputs = first.WeightGradient!.index_select(0, order) / first.BiasGradient!.index_select(0, order).unsqueeze(1);
        var images = chain.Denormalized(chain.Shaped(inputs)).flatten(1);
        var inside = images.amin([1]).gt(-Slack).logical_and(images.amax([1]).lt(1 + Slack)).nonzero().view(-1);
        (inputs, images) = (inputs.index_select(0, inside), images.index_select(0, inside));
        var groups = Groups(images);
        var owners = groups.Where(group => group.Count > 1).OrderByDescending(group => group.Count).ToList();
        // Rows that stand alone are mixtures as a rule; they fill the places that no owner takes.
        var taken = owners.Concat(groups.Where(group => group.Count == 1)).Take(batch).ToList();
        var rows = taken.Select(group => inputs.index_select(0, tensor(group)).mean([0]))
            .Concat(Enumerable.Repeat(chain.Gray(1).view(-1), batch - taken.Count)).ToList();
        var found = stack(rows);
        var owned = Math.Min(owners.Count, batch);
        return Verdict.Found(context, chain.Images(found), HeadLabels.Of(chain, chain.Shaped(found)), groups.Count,
            [
                $"{inside.shape[0]} of {first.BiasGradient!.shape[0]} rows of the first layer give an image in range; " +
                $"{owned} images own several rows each.",
            ], owned == batch ? null : $"{owned} of {batch} images own rows of the first layer; the others are mixtures: " +
                "use \"relu-batch-inversion\" if the layer is followed by ReLU.");
    }

    /// <summary>Rows that give the same image, strongest first.</summary>
    private static List<List<long>> Groups(Tensor images)
    {
        var groups = new List<List<long>>();
        if (images.shape[0] == 0)
            return groups;
        var square = images.square().sum(1);
        var distance = square.unsqueeze(1) + square - 2 * images.matmul(images.t());
        var same = distance.lt(Same * Same * images.shape[1]).data<bool>().ToArray();
        var count = images.shape[0];
        var free = Enumerable.Repeat(true, (int)count).ToArray();
        for (var i = 0L; i < count; i++)
        {
            if (!free[i])
                continue;
            var group = new List<long>();
            for (var j = i; j < count; j++)
                if (free[j] && (j == i || same[i * count + j]))
                {
                    free[j] = false;
                    group.Add(j);
                }
            groups.Add(group);
        }
        return groups;
    }
}
