namespace Afterimage.Models;

/// <summary>A convolution with any stride, padding, dilation and groups.</summary>
public sealed class ConvolutionMap : LayerMap
{
    private readonly Conv2d layer;

    /// <summary>The map of a convolution on inputs of one shape.</summary>
    /// <param name="layer">The convolution.</param>
    /// <param name="input">[C,H,W].</param>
    /// <exception cref="AfterimageException">The layer does not take the shape.</exception>
    public ConvolutionMap(Conv2d layer, long[] input) : base(layer, input, layer.Groups) => this.layer = layer;

    /// <inheritdoc/>
    public override long Equations => Outputs * Taps;

    private long Outputs => layer.Output / Groups;

    private long Taps => (long)layer.Kernel * layer.Kernel;

    /// <inheritdoc/>
    public override Tensor Apply(Tensor weight, Tensor x, Tensor? bias = null) => nn.functional.conv2d(x, weight, bias,
        [layer.Stride, layer.Stride], [layer.Padding, layer.Padding], [layer.Dilation, layer.Dilation], Groups);

    /// <inheritdoc/>
    public override Tensor Transpose(Tensor weight, Tensor gradient)
    {
        var reach = layer.Dilation * (layer.Kernel - 1L) + 1 - 2L * layer.Padding;
        // Numbers at the end that no window reaches.
        long Rest(int axis) => Input[axis] - ((Output[axis] - 1) * layer.Stride + reach);
        return nn.functional.conv_transpose2d(gradient, weight, null, [layer.Stride, layer.Stride], [layer.Padding, layer.Padding],
            [Rest(1), Rest(2)], [layer.Dilation, layer.Dilation], Groups);
    }

    /// <inheritdoc/>
    public override Tensor WeightGradient(Tensor x, Tensor gradient)
    {
        var batch = x.shape[0];
        var patches = Unfold(x).reshape(batch, Groups, Channels * Taps, -1);
        var products = gradient.reshape(batch, Groups, Outputs, -1).matmul(patches.transpose(2, 3)).sum([0]);
        return products.reshape(layer.Output, Channels, layer.Kernel, layer.Kernel);
    }

    /// <inheritdoc/>
    public override Tensor System(Tensor gradient, int group = 0)
    {
        var own = gradient[0].narrow(0, group * Outputs, Outputs).reshape(Outputs, 1, -1).expand(-1, Taps, -1);
        var reads = Unfold(Numbered(1)).to(ScalarType.Int64).expand(Outputs, -1, -1);
        // A window reads a number once; what falls on the padding lands in front.
        return zeros([Outputs, Taps, Places + 1], gradient.dtype).scatter_(2, reads, own).narrow(2, 1, Places).reshape(Equations, Places);
    }

    /// <inheritdoc/>
    public override Tensor Target(Tensor weightGradient, int group = 0) =>
        weightGradient.narrow(0, group * Outputs, Outputs).permute(0, 2, 3, 1).reshape(Equations, Channels);

    /// <summary>What every output place reads of x, [C * kernel * kernel, output places].</summary>
    /// <param name="x">[1,*Input].</param>
    public Tensor Patches(Tensor x) => Unfold(x)[0];

    /// <summary>Which number of x every output place reads, counted from 1, 0 for the padding; like <see cref="Patches"/>.</summary>
    public Tensor Reads() => Patches(Numbered(Input[0])).to(ScalarType.Int64);

    private Tensor Numbered(long channels) =>
        arange(1, channels * Places + 1, ScalarType.Float64).reshape(1, channels, Input[1], Input[2]);

    private Tensor Unfold(Tensor x) => nn.functional.unfold(x, (layer.Kernel, layer.Kernel), (layer.Dilation, layer.Dilation),
        (layer.Padding, layer.Padding), (layer.Stride, layer.Stride));
}
