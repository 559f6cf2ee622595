namespace Afterimage.Models;

/// <summary>
/// One step of a network, as data. Every operator reads the same description: automatic differentiation runs it through
/// libtorch, a compiled plan lowers it, an analysis counts its equations. Names are PyTorch's, so that a state dict loads.
/// </summary>
public abstract record Layer
{
    /// <summary>The parameters of this layer in PyTorch's registration order.</summary>
    public virtual IEnumerable<ParameterSpec> Parameters => [];

    /// <summary>The buffers (BatchNorm statistics) of this layer.</summary>
    public virtual IEnumerable<ParameterSpec> Buffers => [];

    /// <summary>The shape that follows, [C,H,W] or [features].</summary>
    public abstract long[] Follow(long[] shape);

    protected static long[] Window(long[] shape, int channels, int kernel, int stride, int padding, int dilation, string name)
    {
        if (shape.Length != 3)
            throw new AfterimageException($"{name} needs an image, but what reaches it has shape [{string.Join(",", shape)}].");
        var (height, width) = (shape[1] + 2 * padding - dilation * (kernel - 1) - 1, shape[2] + 2 * padding - dilation * (kernel - 1) - 1);
        return height >= 0 && width >= 0 ? [channels, height / stride + 1, width / stride + 1]
            : throw new AfterimageException($"{name} has a {kernel}x{kernel} window, " +
                $"but only {shape[1]}x{shape[2]} pixels reach it: the image is too small.");
    }
}

/// <param name="FanIn">Inputs of one output unit, for PyTorch's default initialization; 0 for normalization parameters.</param>
public sealed record ParameterSpec(string Name, ValueList<long> Shape, long FanIn, ParameterRole Role);

public enum ParameterRole { Weight, Bias, NormalizationWeight, NormalizationBias, RunningMean, RunningVariance }

public sealed record Linear(string Name, int Input, int Output, bool Bias = true) : Layer
{
    public override IEnumerable<ParameterSpec> Parameters =>
        Spec.WeightAndBias(Name, [Output, Input], Input, Bias);

    public override long[] Follow(long[] shape) => shape is [var features] && features == Input ? [Output]
        : throw new AfterimageException($"The linear layer {Name} takes {Input} features, " +
            $"but what reaches it has shape [{string.Join(",", shape)}].");
}

public sealed record Conv2d(string Name, int Input, int Output, int Kernel, int Stride = 1, int Padding = 0, int Dilation = 1,
    int Groups = 1, bool Bias = true) : Layer
{
    public override IEnumerable<ParameterSpec> Parameters =>
        Spec.WeightAndBias(Name, [Output, Input / Groups, Kernel, Kernel], Input / Groups * Kernel * Kernel, Bias);

    public override long[] Follow(long[] shape) => shape[0] == Input || shape.Length != 3
        ? Window(shape, Output, Kernel, Stride, Padding, Dilation, $"The convolution {Name}")
        : throw new AfterimageException($"The convolution {Name} takes {Input} channels, but {shape[0]} reach it.");
}

/// <summary>Batch normalization over [B,C,H,W]; running statistics in eval mode, the batch's own in train mode.</summary>
public sealed record BatchNorm2d(string Name, int Channels, double Epsilon = 1e-5, double Momentum = 0.1) : Layer
{
    public override IEnumerable<ParameterSpec> Parameters =>
    [
        new($"{Name}.weight", [Channels], 0, ParameterRole.NormalizationWeight),
        new($"{Name}.bias", [Channels], 0, ParameterRole.NormalizationBias),
    ];

    public override IEnumerable<ParameterSpec> Buffers =>
    [
        new($"{Name}.running_mean", [Channels], 0, ParameterRole.RunningMean),
        new($"{Name}.running_var", [Channels], 0, ParameterRole.RunningVariance),
    ];

    public override long[] Follow(long[] shape) => shape is [var channels, _, _] && channels == Channels ? shape
        : throw new AfterimageException($"The BatchNorm {Name} takes {Channels} channels, " +
            $"but what reaches it has shape [{string.Join(",", shape)}].");
}

/// <param name="Slope">Of the leaky kinds, below zero.</param>
/// <param name="Sharpness">
/// Of <see cref="ActivationKind.SoftLeakyReLU"/> and <see cref="ActivationKind.SoftGateLeakyReLU"/>: the larger, the narrower their bend.
/// </param>
public sealed record Activation(ActivationKind Kind, double Slope = 0.01, double Sharpness = 1) : Layer
{
    public override long[] Follow(long[] shape) => shape;
}

public enum ActivationKind
{
    ReLU, LeakyReLU, Sigmoid, Tanh, Gelu, Silu, Softplus,

    /// <summary>slope x + (1 - slope) log(1 + exp(sharpness x)) / sharpness: a leaky ReLU whose kink is bent smoothly.</summary>
    SoftLeakyReLU,

    /// <summary>
    /// A leaky ReLU in value and slope, whose kink is felt from near: the slope's derivative, zero almost everywhere, is that of a
    /// ReLU smeared by a triangle that reaches rms(x) / sharpness to both sides of zero, where x is all that enters the layer at once.
    /// Derivatives of gradients then tell of the jumps that a moving image would make.
    /// </summary>
    SoftGateLeakyReLU,
}

/// <summary>
/// Dropout: in train mode every number is kept and divided by the keep rate, or dropped, by a mask that is handed over; without a
/// mask, and in eval mode, nothing happens.
/// </summary>
/// <param name="Name">Tells its masks from those of other layers; there are no parameters.</param>
/// <param name="Rate">In [0,1): how many are dropped on average.</param>
public sealed record Dropout(string Name, double Rate) : Layer
{
    public override long[] Follow(long[] shape) => Rate is >= 0 and < 1 ? shape
        : throw new AfterimageException($"The dropout {Name} has the rate {Rate}: give one of at least 0 and below 1.");
}

public sealed record AvgPool2d(int Kernel, int Stride, int Padding = 0) : Layer
{
    public override long[] Follow(long[] shape) => Window(shape, (int)shape[0], Kernel, Stride, Padding, 1, "The average pooling");
}

public sealed record MaxPool2d(int Kernel, int Stride, int Padding = 0) : Layer
{
    public override long[] Follow(long[] shape) => Window(shape, (int)shape[0], Kernel, Stride, Padding, 1, "The max pooling");
}

/// <summary>Mean over height and width, [C,H,W] to [C,1,1].</summary>
public sealed record GlobalAvgPool2d : Layer
{
    public override long[] Follow(long[] shape) => [shape[0], 1, 1];
}

public sealed record Flatten : Layer
{
    public override long[] Follow(long[] shape) => [shape.Aggregate(1L, (a, b) => a * b)];
}

/// <summary>Every second pixel, then zero channels on both sides: the parameter-free shortcut ("option A") of the CIFAR ResNets.</summary>
public sealed record PaddedShortcut(int Stride, int ChannelsBefore, int ChannelsAfter) : Layer
{
    public override long[] Follow(long[] shape) =>
        [shape[0] + ChannelsBefore + ChannelsAfter, (shape[1] + Stride - 1) / Stride, (shape[2] + Stride - 1) / Stride];
}

/// <summary>body(x) + shortcut(x); an empty shortcut is the identity.</summary>
public sealed record Residual(ValueList<Layer> Body, ValueList<Layer> Shortcut) : Layer
{
    public override IEnumerable<ParameterSpec> Parameters => Body.Concat(Shortcut).SelectMany(layer => layer.Parameters);

    public override IEnumerable<ParameterSpec> Buffers => Body.Concat(Shortcut).SelectMany(layer => layer.Buffers);

    public override long[] Follow(long[] shape)
    {
        var body = Body.Aggregate(shape, (current, layer) => layer.Follow(current));
        var shortcut = Shortcut.Aggregate(shape, (current, layer) => layer.Follow(current));
        return body.SequenceEqual(shortcut) ? body
            : throw new AfterimageException($"A residual adds [{string.Join(",", body)}] to [{string.Join(",", shortcut)}].");
    }
}

file static class Spec
{
    public static IEnumerable<ParameterSpec> WeightAndBias(string name, ValueList<long> shape, long fanIn, bool bias)
    {
        yield return new($"{name}.weight", shape, fanIn, ParameterRole.Weight);
        if (bias)
            yield return new($"{name}.bias", [shape[0]], fanIn, ParameterRole.Bias);
    }
}
