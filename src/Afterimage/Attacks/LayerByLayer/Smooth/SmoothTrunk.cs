namespace Afterimage.Attacks;

/// <summary>
/// The equations of one image in front of linear layers: the features that enter these, known exactly, and the weight gradients of the
/// convolutions, as residuals relative to the root mean square of each tensor, with products of their Jacobian. The gradient that
/// arrives at the features is known too, so no product runs through the linear layers.
/// </summary>
internal sealed class SmoothTrunk : IDisposable
{
    private readonly SmoothStage[] stages;
    private readonly Tensor features;
    private readonly Tensor gradient;
    private readonly double scale;
    private readonly Tensor[] sent;
    private readonly double[] scales;
    private readonly long[] sizes;

    /// <param name="trunk">Stages in front of the linear layers.</param>
    /// <param name="features">What enters the linear layers, [1,features].</param>
    /// <param name="gradient">dL/d features.</param>
    public SmoothTrunk(IReadOnlyList<Stage> trunk, Tensor features, Tensor gradient)
    {
        stages = [.. trunk.Select(stage => new SmoothStage(stage))];
        (this.features, this.gradient) = (features, gradient);
        scale = Inverse(features - features.mean());
        sent = [.. stages.Where(stage => stage.IsConvolution).SelectMany(stage => stage.Sent())];
        scales = [.. sent.Select(Inverse)];
        sizes = [features.numel(), .. sent.Select(part => part.numel())];
    }

    /// <summary>Equations.</summary>
    public long Count => sizes.Sum();

    /// <param name="inputs">Normalized, [1,C,H,W].</param>
    /// <returns>Everything that is left, one vector.</returns>
    public Tensor Residual(Tensor inputs)
    {
        var leaving = stages.Aggregate(inputs, (x, stage) => stage.At(x));
        var arriving = gradient;
        var left = new Stack<Tensor[]>();
        foreach (var stage in stages.Reverse())
        {
            arriving = stage.Arrive(arriving.reshape(stage.Leaving));
            if (stage.IsConvolution)
                left.Push(stage.Gradients());
        }
        return Joined(leaving - features, [.. left.SelectMany(parts => parts).Zip(sent, (own, other) => own - other)]);
    }

    /// <summary>The change of the residual along a change of the inputs.</summary>
    public Tensor Push(Tensor change)
    {
        var changes = new Tensor[stages.Length];
        for (var i = 0; i < stages.Length; i++)
            (changes[i], change) = (change, stages[i].Push(change));
        Tensor? above = null;
        var parts = new Stack<Tensor[]>();
        for (var i = stages.Length - 1; i >= 0; i--)
        {
            if (stages[i].IsConvolution)
                parts.Push(stages[i].PushGradients(changes[i], above));
            above = stages[i].PushArriving(changes[i], above);
        }
        return Joined(change, [.. parts.SelectMany(part => part)]);
    }

    /// <summary>Transposed <see cref="Push"/>.</summary>
    public Tensor Pull(Tensor residual)
    {
        var parts = residual.split(sizes, 0);
        var open = new Tensor[sent.Length];
        for (var i = 0; i < sent.Length; i++)
            open[i] = parts[i + 1].view(sent[i].shape) * scales[i];
        var own = new Tensor?[stages.Length];
        Tensor? below = null;
        for (var (i, next) = (0, 0); i < stages.Length; i++)
        {
            (own[i], below) = stages[i].PullArriving(below);
            if (!stages[i].IsConvolution)
                continue;
            var (input, above) = stages[i].PullGradients(open.AsSpan(next));
            (own[i], below) = (SmoothStage.Sum(own[i], input), SmoothStage.Sum(below, above));
            next += stages[i].HasBias ? 2 : 1;
        }
        var change = (parts[0] * scale).view(features.shape);
        for (var i = stages.Length - 1; i >= 0; i--)
        {
            change = stages[i].Pull(change);
            if (own[i] is { } more)
                change = change + more;
        }
        return change;
    }

    public void Dispose()
    {
        foreach (var stage in stages)
            stage.Dispose();
    }

    private Tensor Joined(Tensor left, Tensor[] open) =>
        cat([left.reshape(-1) * scale, .. open.Select((part, i) => part.reshape(-1) * scales[i])]);

    private static double Inverse(Tensor numbers) =>
        numbers.square().mean().sqrt().ToDouble() is > 0 and var size ? 1 / size : 0;
}
