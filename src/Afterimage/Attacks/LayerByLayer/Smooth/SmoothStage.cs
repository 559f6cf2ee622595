using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// A layer in front of the known features, near one image: what it does to changes of its input, and of the gradient that arrives from
/// above. Convolutions also give their weight gradients. Products belong to the last <see cref="At"/> and <see cref="Arrive"/>.
/// </summary>
internal sealed class SmoothStage(Stage stage) : IDisposable
{
    private Tensor? input, output, slope, curvature, bend, arriving;

    public bool IsConvolution => stage.Layer is Conv2d;

    /// <summary>Shape of what leaves, [1,*Output].</summary>
    public long[] Leaving => [1, .. stage.Output];

    public bool HasBias => stage.BiasGradient is not null;

    /// <summary>Why a layer cannot be one of these, the end of a sentence; null where it can.</summary>
    public static string? Obstacle(Layer layer) => layer switch
    {
        Conv2d or AvgPool2d or GlobalAvgPool2d or AdaptiveAvgPool2d or Flatten or Dropout => null,
        Activation { Kind: not (ActivationKind.ReLU or ActivationKind.LeakyReLU or ActivationKind.ReLU6 or ActivationKind.HardSigmoid
            or ActivationKind.HardSwish or ActivationKind.SoftGateLeakyReLU) } => null,
        Activation activation => $"{activation.Kind} has a kink",
        _ => $"it has {layer.GetType().Name}",
    };

    /// <summary>What leaves for one input, [1,*Input].</summary>
    public Tensor At(Tensor x)
    {
        var leaf = x.detach().requires_grad_(stage.Layer is not Conv2d);
        var leaving = Apply(leaf);
        if (stage.Layer is Activation)
        {
            var first = Differentiate.Gradients(leaving.sum(), [leaf], graph: true)[0];
            Kept.Replace(ref slope, first.detach());
            Kept.Replace(ref curvature, Differentiate.Gradients(first.sum(), [leaf])[0]);
        }
        Kept.Replace(ref input, leaf);
        Kept.Replace(ref output, leaving);
        return leaving.detach();
    }

    /// <summary>dL/d input, for dL/d of what leaves.</summary>
    public Tensor Arrive(Tensor gradient)
    {
        Kept.Replace(ref arriving, gradient.alias());
        if (curvature is not null)
            Kept.Replace(ref bend, gradient * curvature);
        return Pull(gradient);
    }

    /// <summary>dL/dW and dL/db of a convolution.</summary>
    public Tensor[] Gradients() => Gradients(input!, arriving!);

    /// <summary>What the client's update has in their place.</summary>
    public Tensor[] Sent() => HasBias ? [stage.WeightGradient!, stage.BiasGradient!] : [stage.WeightGradient!];

    /// <summary>The change of what leaves along a change of the input.</summary>
    public Tensor Push(Tensor change) => stage.Layer switch
    {
        Conv2d => stage.Map.Apply(stage.Weight!, change),
        Activation => change * slope!,
        _ => Apply(change),
    };

    /// <summary>Transposed <see cref="Push"/>.</summary>
    public Tensor Pull(Tensor change) => stage.Layer switch
    {
        Conv2d => stage.Map.Transpose(stage.Weight!, change),
        Activation => change * slope!,
        Flatten => change.reshape(input!.shape),
        _ => Differentiate.Products([output!], [input!], [change])[0],
    };

    /// <summary>The change of dL/d input along changes of the input and of dL/d of what leaves; null stands for no change.</summary>
    public Tensor? PushArriving(Tensor change, Tensor? above) =>
        Sum(above is null ? null : Pull(above), bend is null ? null : bend * change);

    /// <summary>Transposed <see cref="PushArriving"/>: along the input, and along dL/d of what leaves.</summary>
    public (Tensor? Input, Tensor? Above) PullArriving(Tensor? below) => below is null ? (null, null)
        : (bend is null ? null : bend * below, Push(below));

    /// <summary>The change of the weight gradients.</summary>
    public Tensor[] PushGradients(Tensor change, Tensor? above)
    {
        var own = stage.Map.WeightGradient(change, arriving!);
        if (above is null)
            return HasBias ? [own, zeros_like(stage.BiasGradient!)] : [own];
        var more = Gradients(input!, above);
        more[0] = more[0] + own;
        return more;
    }

    /// <summary>Transposed <see cref="PushGradients"/>: along the input, and along dL/d of what leaves.</summary>
    /// <param name="open">In the order of <see cref="Gradients()"/>.</param>
    public (Tensor Input, Tensor Above) PullGradients(ReadOnlySpan<Tensor> open) => (stage.Map.Transpose(open[0], arriving!),
        stage.Map.Apply(open[0], input!, HasBias ? open[1] : null));

    public static Tensor? Sum(Tensor? first, Tensor? second) => first is null ? second : second is null ? first : first + second;

    public void Dispose()
    {
        foreach (var kept in (Tensor?[])[input, output, slope, curvature, bend, arriving])
            kept?.Dispose();
    }

    private Tensor[] Gradients(Tensor x, Tensor gradient)
    {
        var weights = stage.Map.WeightGradient(x, gradient);
        return HasBias ? [weights, gradient.sum([0, 2, 3])] : [weights];
    }

    private Tensor Apply(Tensor x) => stage.Layer switch
    {
        AvgPool2d pool => nn.functional.avg_pool2d(x, pool.Kernel, pool.Stride, pool.Padding),
        GlobalAvgPool2d => x.mean([2, 3], keepdim: true),
        AdaptiveAvgPool2d pool => nn.functional.adaptive_avg_pool2d(x, [pool.Height, pool.Width]),
        _ => stage.Forward(x),
    };
}
