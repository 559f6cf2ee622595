using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>A convolution whose weight gradient, summed over a batch, is to be taken apart into the batch's inputs.</summary>
/// <param name="Conv">The convolution.</param>
/// <param name="Input">[C,H,W] of one input.</param>
/// <param name="WeightGradient">dL/dW in double precision.</param>
/// <param name="Centered">
/// Whether BatchNorm in train mode stands behind it: dL/dz then sums to zero over batch and places in every channel.
/// </param>
internal sealed record BatchLayer(Conv2d Conv, long[] Input, Tensor WeightGradient, bool Centered)
{
    /// <summary>What single precision leaves of a weight gradient, relative.</summary>
    public const double Rounding = 1e-7;

    /// <summary>The error of dL/dW, relative to its root mean square: 1e-7 for single precision, more for noise and float16.</summary>
    public double Noise { get; init; } = Rounding;

    public ConvolutionMap Map => new(Conv, Input);

    /// <summary>Places of the output: patches of one input.</summary>
    public long Patches => Map.Output[1] * Map.Output[2];

    /// <summary>dL/dW as a matrix, [outputs, C * kernel * kernel].</summary>
    public Tensor Rows => WeightGradient.reshape(Conv.Output, -1);

    /// <summary>Patches and the differences among them are as many directions of the row space.</summary>
    public long Directions(long batch) => batch * Patches - (Centered ? 1 : 0);

    /// <summary>
    /// What makes rounding alike in every channel, [outputs,1]: single precision rounds each by itself, while noise is the same everywhere.
    /// </summary>
    public Tensor RowWeights()
    {
        var norms = Rows.norm(1, keepdim: true);
        var common = norms.square().mean().sqrt() * Math.Max(1, Noise / Rounding);
        return (norms.square() + common.square() + 1e-300).rsqrt();
    }

    /// <summary>[B, places, C * kernel * kernel].</summary>
    /// <param name="inputs">[B,C,H,W], with more or fewer channels than the layer's where they are mixtures.</param>
    public Tensor Unfold(Tensor inputs) => nn.functional.unfold(inputs, (Conv.Kernel, Conv.Kernel), (Conv.Dilation, Conv.Dilation),
        (Conv.Padding, Conv.Padding), (Conv.Stride, Conv.Stride)).transpose(1, 2);

    /// <summary>Why the maps of a batch cannot be found here; null where nothing stands against it.</summary>
    public string? Obstacle(long batch) =>
        Conv.Groups > 1 ? "its groups of channels do not mix"
        : Patches > 1 && (Conv.Kernel - 1) * Conv.Dilation < Conv.Stride ? "its windows do not overlap, so nothing ties their places together"
        : Centered && Conv.Padding == 0 && Patches > 1 ? "without padding BatchNorm hides a constant of every channel"
        : Directions(batch) > Conv.Output ? $"{batch} images have {Directions(batch)} patches, more than its {Conv.Output} channels tell apart"
        : 1.1 * Directions(batch) > (double)Conv.Input * Conv.Kernel * Conv.Kernel
            ? $"{batch} images have {Directions(batch)} patches, about as many as a patch has numbers"
        : WeightGradient.count_nonzero().ToInt64() == 0 ? "its weight gradient is zero" : null;
}
