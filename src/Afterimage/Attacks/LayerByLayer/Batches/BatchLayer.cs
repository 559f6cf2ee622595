using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>A layer whose weight gradient, summed over a batch, is to be taken apart into the batch's inputs.</summary>
/// <param name="Conv">The convolution; a linear layer is one with a single place.</param>
/// <param name="Input">[C,H,W] of one input.</param>
/// <param name="WeightGradient">dL/dW in double precision.</param>
/// <param name="Centered">
/// Whether BatchNorm in train mode stands behind it: dL/dz then sums to zero over batch and places in every channel.
/// </param>
internal sealed record BatchLayer(Conv2d Conv, long[] Input, Tensor WeightGradient, bool Centered)
{
    /// <summary>What single precision leaves of a weight gradient, relative.</summary>
    public const double Rounding = 1e-7;

    /// <summary>
    /// The error of dL/dW, relative to its root mean square: 1e-7 for single precision, more for noise and float16. More than is said is
    /// seen, and costs time.
    /// </summary>
    public double Noise { get; init; } = Rounding;

    /// <summary>
    /// dL/dz summed over batch and places, [outputs]: the gradient of the layer's bias, or that of the shift of a BatchNorm in eval mode
    /// behind it times its factor. It tells how large every input is, which dL/dW does not.
    /// </summary>
    public Tensor? Sums { get; init; }

    /// <summary>Of a linear layer with a bias and a ReLU behind it; null where they are not known.</summary>
    public LayerGates? Gates { get; init; }

    public ConvolutionMap Map => new(Conv, Input);

    /// <summary>Places of the output: patches of one input.</summary>
    public long Patches => Map.Output[1] * Map.Output[2];

    /// <summary>dL/dW as a matrix, [outputs, C * kernel * kernel].</summary>
    public Tensor Rows => WeightGradient.reshape(Conv.Output, -1);

    /// <summary>A hidden linear layer.</summary>
    /// <param name="linear">The layer.</param>
    /// <param name="weightGradient">dL/dW, [outputs, features].</param>
    /// <param name="biasGradient">dL/db, or null.</param>
    public static BatchLayer Of(Linear linear, Tensor weightGradient, Tensor? biasGradient) =>
        new(new(linear.Name, linear.Input, linear.Output, 1, Bias: linear.Bias), [linear.Input, 1, 1],
            weightGradient.reshape(linear.Output, linear.Input, 1, 1), false) { Sums = biasGradient };

    /// <summary>Directions of the row space that a batch takes.</summary>
    public long Directions(long batch) => batch * Patches - (Centered ? 1 : 0);

    /// <summary>[B, places, C * kernel * kernel].</summary>
    /// <param name="inputs">[B,C,H,W], with more or fewer channels than the layer's where they are mixtures.</param>
    public Tensor Unfold(Tensor inputs) => nn.functional.unfold(inputs, (Conv.Kernel, Conv.Kernel), (Conv.Dilation, Conv.Dilation),
        (Conv.Padding, Conv.Padding), (Conv.Stride, Conv.Stride)).transpose(1, 2);

    /// <summary>
    /// What makes errors alike in every channel, [outputs,1]: single precision rounds each by itself, while noise is the same everywhere.
    /// </summary>
    public Tensor RowWeights()
    {
        var norms = Rows.norm(1, keepdim: true);
        var common = norms.square().mean().sqrt() * Math.Max(1, Noise / Rounding);
        return (norms.square() + common.square() + 1e-300).rsqrt();
    }

    /// <summary>Why a batch cannot be taken apart here; null where nothing stands against it.</summary>
    public string? Obstacle(long batch) => SeparableBatch.Obstacle(Conv, Input, Centered)
        ?? (batch > SeparableBatch.Largest(Conv, Input, Centered)
            ? $"the batch has {batch} images, and it tells {SeparableBatch.Largest(Conv, Input, Centered)} apart"
            : WeightGradient.count_nonzero().ToInt64() == 0 ? "its weight gradient is zero" : null);
}
