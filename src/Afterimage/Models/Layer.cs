using System.Text;

namespace Afterimage.Models;

/// <summary>
/// One layer of a network, as data. Every operator reads the same description: automatic differentiation runs it through
/// libtorch, a compiled plan lowers it, an analysis counts its equations. Names are PyTorch's, so that a state dict loads.
/// </summary>
public abstract record Layer
{
    /// <summary>Layers that run side by side inside of this one, each branch on its input; none for a plain layer.</summary>
    public virtual IEnumerable<ValueList<Layer>> Branches => [];

    /// <summary>The parameters of this layer in PyTorch's registration order.</summary>
    public virtual IEnumerable<ParameterSpec> Parameters => Inside.SelectMany(layer => layer.Parameters);

    /// <summary>The buffers (BatchNorm's running statistics) of this layer.</summary>
    public virtual IEnumerable<ParameterSpec> Buffers => Inside.SelectMany(layer => layer.Buffers);

    /// <summary>This layer and all in its branches.</summary>
    public IEnumerable<Layer> Within => Inside.SelectMany(layer => layer.Within).Prepend(this);

    private IEnumerable<Layer> Inside => Branches.SelectMany(branch => branch);

    /// <summary>The shape of the output for an input of this shape: [C,H,W], [tokens,features] or [features].</summary>
    /// <exception cref="AfterimageException">The layer does not take this shape.</exception>
    public abstract long[] Follow(long[] shape);

    /// <summary>A layer prints what it was made with, not what follows from that.</summary>
    protected virtual bool PrintMembers(StringBuilder builder) => false;

    /// <summary>Whether a parameter broadcasts to activations of this shape for one image; in front of it stands the batch.</summary>
    private protected static bool Broadcasts(ValueList<long> parameter, long[] shape)
    {
        var extra = Math.Max(0, parameter.Count - shape.Length);
        return parameter.Take(extra).All(size => size == 1)
            && parameter.Skip(extra).Reverse().Zip(shape.Reverse()).All(pair => pair.First == 1 || pair.First == pair.Second);
    }

    private protected static long[] Window(long[] shape, int channels, int kernel, int stride, int padding, int dilation, string name)
    {
        if (shape.Length != 3)
            throw new AfterimageException($"{name} needs an image, but what reaches it has shape [{string.Join(",", shape)}].");
        var (height, width) = (shape[1] + 2 * padding - dilation * (kernel - 1) - 1, shape[2] + 2 * padding - dilation * (kernel - 1) - 1);
        return height >= 0 && width >= 0 ? [channels, height / stride + 1, width / stride + 1]
            : throw new AfterimageException($"{name} has a {kernel}x{kernel} window, " +
                $"but only {shape[1]}x{shape[2]} pixels reach it: the image is too small.");
    }
}

/// <summary>A parameter or buffer that a layer needs.</summary>
/// <param name="Name">PyTorch's name, such as conv1.weight.</param>
/// <param name="Shape">Its shape in PyTorch.</param>
/// <param name="FanIn">Inputs of one output unit, for PyTorch's default initialization; 0 for normalization parameters.</param>
/// <param name="Role">What the layer does with it.</param>
public sealed record ParameterSpec(string Name, ValueList<long> Shape, long FanIn, ParameterRole Role);

/// <summary>What a layer does with a parameter or buffer.</summary>
public enum ParameterRole
{
    /// <summary>Multiplies the input of a linear layer or convolution.</summary>
    Weight,

    /// <summary>Is added by a linear layer or convolution.</summary>
    Bias,

    /// <summary>Scales a normalized channel.</summary>
    NormalizationWeight,

    /// <summary>Shifts a normalized channel.</summary>
    NormalizationBias,

    /// <summary>Is added to tokens or stands in front of them.</summary>
    Embedding,

    /// <summary>The mean that BatchNorm subtracts in eval mode.</summary>
    RunningMean,

    /// <summary>The variance by which BatchNorm divides in eval mode.</summary>
    RunningVariance,
}

/// <summary>A dense layer, [features] to [outputs] or [tokens,features] to [tokens,outputs].</summary>
/// <param name="Name">Its name in the state dict.</param>
/// <param name="Input">Input features.</param>
/// <param name="Output">Output features.</param>
/// <param name="Bias">Whether it has a bias.</param>
public sealed record Linear(string Name, int Input, int Output, bool Bias = true) : Layer
{
    /// <summary>
    /// What stands between its name and "weight": a dot, or the underscore of nn.MultiheadAttention's projection, in_proj_weight.
    /// </summary>
    public string Separator { get; init; } = ".";

    /// <inheritdoc/>
    public override IEnumerable<ParameterSpec> Parameters =>
        Spec.WeightAndBias(Name, [Output, Input], Input, Bias, Separator);

    /// <inheritdoc/>
    public override long[] Follow(long[] shape) => shape is [.., var features] && shape.Length < 3 && features == Input
        ? [.. shape[..^1], Output]
        : throw new AfterimageException($"The linear layer {Name} takes {Input} features, " +
            $"but what reaches it has shape [{string.Join(",", shape)}].");
}

/// <summary>A convolution with a square kernel and zero padding, [C,H,W] to [outputs,H',W'].</summary>
/// <param name="Name">Its name in the state dict.</param>
/// <param name="Input">Input channels.</param>
/// <param name="Output">Output channels.</param>
/// <param name="Kernel">Pixels of a side of the kernel.</param>
/// <param name="Stride">Pixels from one window to the next.</param>
/// <param name="Padding">Zeros around the image, on each side.</param>
/// <param name="Dilation">Pixels from one tap of the kernel to the next.</param>
/// <param name="Groups">Groups of channels that do not mix.</param>
/// <param name="Bias">Whether it has a bias.</param>
public sealed record Conv2d(string Name, int Input, int Output, int Kernel, int Stride = 1, int Padding = 0, int Dilation = 1,
    int Groups = 1, bool Bias = true) : Layer
{
    /// <inheritdoc/>
    public override IEnumerable<ParameterSpec> Parameters =>
        Spec.WeightAndBias(Name, [Output, Input / Groups, Kernel, Kernel], Input / Groups * Kernel * Kernel, Bias);

    /// <inheritdoc/>
    public override long[] Follow(long[] shape) => shape[0] == Input || shape.Length != 3
        ? Window(shape, Output, Kernel, Stride, Padding, Dilation, $"The convolution {Name}")
        : throw new AfterimageException($"The convolution {Name} takes {Input} channels, but {shape[0]} reach it.");
}

/// <summary>Batch normalization over [B,C,H,W]: by running statistics in eval mode, by the batch's own in train mode.</summary>
/// <param name="Name">Its name in the state dict.</param>
/// <param name="Channels">Channels.</param>
/// <param name="Epsilon">Added to the variance.</param>
/// <param name="Momentum">Weight of the newest batch in the running statistics.</param>
public sealed record BatchNorm2d(string Name, int Channels, double Epsilon = 1e-5, double Momentum = 0.1) : Layer
{
    /// <inheritdoc/>
    public override IEnumerable<ParameterSpec> Parameters =>
    [
        new($"{Name}.weight", [Channels], 0, ParameterRole.NormalizationWeight),
        new($"{Name}.bias", [Channels], 0, ParameterRole.NormalizationBias),
    ];

    /// <inheritdoc/>
    public override IEnumerable<ParameterSpec> Buffers =>
    [
        new($"{Name}.running_mean", [Channels], 0, ParameterRole.RunningMean),
        new($"{Name}.running_var", [Channels], 0, ParameterRole.RunningVariance),
    ];

    /// <inheritdoc/>
    public override long[] Follow(long[] shape) => shape is [var channels, _, _] && channels == Channels ? shape
        : throw new AfterimageException($"The BatchNorm {Name} takes {Channels} channels, " +
            $"but what reaches it has shape [{string.Join(",", shape)}].");
}

/// <summary>
/// Group normalization (Wu and He, 2018): every image's groups of channels by their own mean and variance, then a scale and a shift of each
/// channel. One group is LayerNorm over the whole image, as many as channels is InstanceNorm.
/// </summary>
/// <param name="Name">Its name in the state dict.</param>
/// <param name="Groups">Groups, a divisor of the channels.</param>
/// <param name="Channels">Channels.</param>
/// <param name="Epsilon">Added to the variance.</param>
/// <param name="Affine">Whether it has the scale and the shift of each channel.</param>
public sealed record GroupNorm(string Name, int Groups, int Channels, double Epsilon = 1e-5, bool Affine = true) : Layer
{
    /// <inheritdoc/>
    public override IEnumerable<ParameterSpec> Parameters => !Affine ? [] :
    [
        new($"{Name}.weight", [Channels], 0, ParameterRole.NormalizationWeight),
        new($"{Name}.bias", [Channels], 0, ParameterRole.NormalizationBias),
    ];

    /// <inheritdoc/>
    public override long[] Follow(long[] shape) => shape.Length == 3 && shape[0] == Channels && Groups > 0 && Channels % Groups == 0 ? shape
        : throw new AfterimageException($"The GroupNorm {Name} takes {Channels} channels in {Groups} groups, " +
            $"but what reaches it has shape [{string.Join(",", shape)}].");
}

/// <summary>A function applied to every number.</summary>
/// <param name="Kind">Which function.</param>
/// <param name="Slope">Slope below zero of the leaky kinds.</param>
/// <param name="Sharpness">
/// Inverse width of the smoothed region of <see cref="ActivationKind.SoftLeakyReLU"/> and
/// <see cref="ActivationKind.SoftGateLeakyReLU"/>.
/// </param>
public sealed record Activation(ActivationKind Kind, double Slope = 0.01, double Sharpness = 1) : Layer
{
    /// <inheritdoc/>
    public override long[] Follow(long[] shape) => shape;
}

/// <summary>Activation functions, with PyTorch's definitions where PyTorch has them.</summary>
public enum ActivationKind
{
    /// <summary>max(x, 0).</summary>
    ReLU,

    /// <summary>x above zero, slope x below.</summary>
    LeakyReLU,

    /// <summary>1 / (1 + exp(-x)).</summary>
    Sigmoid,

    /// <summary>Hyperbolic tangent.</summary>
    Tanh,

    /// <summary>x times the normal distribution function, by the error function.</summary>
    Gelu,

    /// <summary>x sigmoid(x).</summary>
    Silu,

    /// <summary>log(1 + exp(x)).</summary>
    Softplus,

    /// <summary>min(max(x, 0), 6).</summary>
    ReLU6,

    /// <summary>min(max(x + 3, 0), 6) / 6.</summary>
    HardSigmoid,

    /// <summary>x min(max(x + 3, 0), 6) / 6.</summary>
    HardSwish,

    /// <summary>x above zero, exp(x) - 1 below.</summary>
    Elu,

    /// <summary>slope x + (1 - slope) log(1 + exp(sharpness x)) / sharpness, a smooth leaky ReLU.</summary>
    SoftLeakyReLU,

    /// <summary>
    /// A leaky ReLU with a surrogate second derivative. Value and slope are exact; in place of the slope's derivative, which is
    /// zero almost everywhere, stands a triangle of half-width rms(x) / sharpness around zero, whose integral is the jump of the
    /// slope (rms over all inputs of the layer). Derivatives of gradients then show where a small change flips a unit.
    /// </summary>
    SoftGateLeakyReLU,
}

/// <summary>
/// Dropout. In train mode a mask that the caller gives decides which numbers are set to zero; the others are divided by
/// 1 - rate. Without a mask, and in eval mode, it is the identity.
/// </summary>
/// <param name="Name">Distinguishes its masks from those of other layers; it has no parameters.</param>
/// <param name="Rate">Probability in [0,1) that a number is set to zero.</param>
public sealed record Dropout(string Name, double Rate) : Layer
{
    /// <inheritdoc/>
    public override long[] Follow(long[] shape) => Rate is >= 0 and < 1 ? shape
        : throw new AfterimageException($"The dropout {Name} has the rate {Rate}: give one of at least 0 and below 1.");
}

/// <summary>Mean over square windows, [C,H,W] to [C,H',W']; padding zeros count.</summary>
/// <param name="Kernel">Pixels of a side of the window.</param>
/// <param name="Stride">Pixels from one window to the next.</param>
/// <param name="Padding">Zeros around the image, on each side.</param>
public sealed record AvgPool2d(int Kernel, int Stride, int Padding = 0) : Layer
{
    /// <inheritdoc/>
    public override long[] Follow(long[] shape) => Window(shape, (int)shape[0], Kernel, Stride, Padding, 1, "The average pooling");
}

/// <summary>Maximum over square windows, [C,H,W] to [C,H',W'].</summary>
/// <param name="Kernel">Pixels of a side of the window.</param>
/// <param name="Stride">Pixels from one window to the next.</param>
/// <param name="Padding">Pixels around the image, on each side, that are never the maximum.</param>
public sealed record MaxPool2d(int Kernel, int Stride, int Padding = 0) : Layer
{
    /// <inheritdoc/>
    public override long[] Follow(long[] shape) => Window(shape, (int)shape[0], Kernel, Stride, Padding, 1, "The max pooling");
}

/// <summary>Mean over height and width, [C,H,W] to [C,1,1].</summary>
public sealed record GlobalAvgPool2d : Layer
{
    /// <inheritdoc/>
    public override long[] Follow(long[] shape) => shape.Length == 3 ? [shape[0], 1, 1]
        : throw new AfterimageException($"The global pooling needs an image, but what reaches it has shape [{string.Join(",", shape)}].");
}

/// <summary>
/// Means over as many windows as are asked for, [C,H,W] to [C,height,width], as PyTorch's adaptive pooling chooses them; larger outputs
/// than inputs repeat values.
/// </summary>
/// <param name="Height">Rows of the output.</param>
/// <param name="Width">Columns of the output.</param>
public sealed record AdaptiveAvgPool2d(int Height, int Width) : Layer
{
    /// <inheritdoc/>
    public override long[] Follow(long[] shape) => shape.Length == 3 && Height > 0 && Width > 0 ? [shape[0], Height, Width]
        : throw new AfterimageException($"The adaptive pooling needs an image, but what reaches it has shape [{string.Join(",", shape)}].");
}

/// <summary>[C,H,W] to [CHW].</summary>
public sealed record Flatten : Layer
{
    /// <inheritdoc/>
    public override long[] Follow(long[] shape) => [shape.Aggregate(1L, (a, b) => a * b)];
}

/// <summary>
/// The parameter-free shortcut ("option A") of the CIFAR ResNets (He et al., 2016): subsampled pixels, padded with zero channels.
/// </summary>
/// <param name="Stride">Every how many rows and columns are kept.</param>
/// <param name="ChannelsBefore">Zero channels before the image's.</param>
/// <param name="ChannelsAfter">Zero channels after the image's.</param>
public sealed record PaddedShortcut(int Stride, int ChannelsBefore, int ChannelsAfter) : Layer
{
    /// <inheritdoc/>
    public override long[] Follow(long[] shape) => shape.Length == 3
        ? [shape[0] + ChannelsBefore + ChannelsAfter, (shape[1] + Stride - 1) / Stride, (shape[2] + Stride - 1) / Stride]
        : throw new AfterimageException($"The padded shortcut needs an image, but what reaches it has shape [{string.Join(",", shape)}].");
}

file static class Spec
{
    public static IEnumerable<ParameterSpec> WeightAndBias(string name, ValueList<long> shape, long fanIn, bool bias,
        string separator = ".")
    {
        yield return new($"{name}{separator}weight", shape, fanIn, ParameterRole.Weight);
        if (bias)
            yield return new($"{name}{separator}bias", [shape[0]], fanIn, ParameterRole.Bias);
    }
}
