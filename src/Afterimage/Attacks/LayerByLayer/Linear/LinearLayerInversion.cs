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

    /// <inheritdoc/>
    public override string Equation => "x = (dL/dW)_i / (dL/db)_i, over the rows i of the first layer";

    /// <inheritdoc/>
    public override string? Refusal(AttackContext context) => LayerChain.Obstacle(context)
        ?? (First(context) is not { } first
            ? "The bias attack needs a network whose first layer is linear: use \"recursive-inversion\" or gradient matching."
        : (context.Observation.Channel.Effects & (ChannelEffects.Missing | ChannelEffects.Scaled)) != 0 && !first.Bias
            ? "Without a bias in the first layer an image is read from the head down, which needs every number of the update on its own " +
                "scale: use \"matching\", which compares what arrived."
        : (context.Observation.Channel.Effects & ChannelEffects.Missing) != 0 && context.Observation.BatchSize > 1
            ? "Rows of a batch are told apart by all their numbers, and of this update some did not arrive: use \"matching\", which " +
                "compares what arrived."
        : first.Bias ? null
        : context.Observation.BatchSize == 1 ? new RecursiveInversion().Refusal(context)
        : "The first layer has no bias, so a row of a batch cannot be divided by its bias gradient: use gradient matching.");

    /// <inheritdoc/>
    protected override bool InDouble => true;

    // Ratios stay what they are when everything is scaled, and one image needs no more than a row for each pixel.
    /// <inheritdoc/>
    protected override ChannelEffects Reads => base.Reads | ChannelEffects.Scaled | ChannelEffects.Missing;

    /// <inheritdoc/>
    protected override SearchResult Search(AttackRun run)
    {
        var chain = LayerChain.Of(run.Context);
        var first = chain.Stages.First(stage => stage.Layer is not Flatten);
        return first.BiasGradient is null ? RecursiveInversion.Descend(run)
            : run.Context.Observation.BatchSize == 1 ? Single(run, chain, first) : Rows(run, chain, first);
    }

    private static Linear? First(AttackContext context) =>
        context.Model.Network!.Layers.First(layer => layer is not (Flatten or Dropout)) as Linear;

    private static SearchResult Single(AttackRun run, LayerChain chain, Stage first)
    {
        var bias = first.BiasGradient!;
        if (!bias.ne(0).any().ToBoolean())
            throw new AfterimageException("No gradient of the first layer's bias arrived, so nothing can be read from it: " +
                "use another update.");
        var arrived = Arrived(run, (Linear)first.Layer);
        var squares = arrived is null ? bias.square().sum() : bias.square().matmul(arrived);
        var inputs = bias.matmul(first.WeightGradient!) / squares.clamp_min(1e-300);
        if (arrived is not null)
            inputs = inputs.where(squares.gt(0), chain.Gray(1).view(-1));
        run.Note(new RowsCarryImage(bias.ne(0).sum().ToInt64(), bias.shape[0]));
        var labels = HeadLabels.Of(chain, chain.Shaped(inputs));
        return new() { Images = chain.Images(inputs), Labels = labels, Iterations = 1, Evaluations = 1 };
    }

    /// <summary>1 where a weight of the layer arrived, 0 where it did not, [outputs,inputs]; null where all did.</summary>
    private static Tensor? Arrived(AttackRun run, Linear layer)
    {
        var update = run.Context.Observation.Update;
        return run.Context.Observation.Channel.Mask(update) is not { } mask ? null
            : new GradientSet(update.Layout, mask)[update.Layout.IndexOf($"{layer.Name}{layer.Separator}weight")]
                .to(ScalarType.Float64).cpu();
    }

    private static SearchResult Rows(AttackRun run, LayerChain chain, Stage first)
    {
        var batch = run.Context.Observation.BatchSize;
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
        run.Note(new RowsOwned(inside.shape[0], first.BiasGradient!.shape[0], owned));
        return new()
        {
            Images = chain.Images(found),
            Labels = HeadLabels.Of(chain, chain.Shaped(found)),
            Doubt = owned == batch ? null : $"{owned} of {batch} images own rows of the first layer; the others are mixtures: " +
                "use \"relu-batch-inversion\" if the layer is followed by ReLU.",
            Iterations = groups.Count,
            Evaluations = 1,
        };
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
