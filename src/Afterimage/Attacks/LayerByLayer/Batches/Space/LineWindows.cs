namespace Afterimage.Attacks;

/// <summary>
/// A convolution's windows cut into columns (or rows). The k offsets of a window across its columns are moved to the side of dL/dz, where
/// they make k outputs of one: dL/dW with its axes regrouped, [C_out * k, C * k], is a sum of dL/dz (x) column over all columns of all
/// windows. So it spans all columns where there are k times fewer channels than whole windows ask for.
/// </summary>
internal sealed class LineWindows
{
    /// <summary>Reads of one channel, counted from 1, 0 for the padding: [kernel, lines].</summary>
    private readonly Tensor reads;
    private readonly BatchLayer layer;

    /// <param name="layer">The layer.</param>
    /// <param name="upright">Whether windows are cut into columns rather than rows.</param>
    public LineWindows(BatchLayer layer, bool upright)
    {
        this.layer = layer;
        var (conv, map) = (layer.Conv, layer.Map);
        var (along, across) = upright ? (1, 2) : (2, 1);
        var taken = Offsets(map.Output[along], map.Input[along]);
        var crossed = Offsets(map.Output[across], map.Input[across]).flatten().unique(sorted: true).Item1;
        crossed = crossed.masked_select(crossed >= 0);
        var (far, near) = (taken.unsqueeze(2), crossed.reshape(1, 1, -1));
        var index = upright ? far * map.Input[2] + near : near * map.Input[2] + far;
        reads = where(far >= 0, index + 1, zeros_like(index)).flatten(1);
        Rows = (layer.Rows * layer.RowWeights()).reshape(conv.Output, conv.Input, conv.Kernel, conv.Kernel)
            .permute(upright ? [0, 3, 1, 2] : [0, 2, 1, 3]).reshape(conv.Output * conv.Kernel, conv.Input * conv.Kernel);

        // What each tap reads at each window, -1 for the padding: [kernel, windows].
        Tensor Offsets(long windows, long size)
        {
            var at = arange(conv.Kernel).unsqueeze(1) * conv.Dilation - conv.Padding + arange(windows).unsqueeze(0) * conv.Stride;
            return where((at >= 0) & (at < size), at, full_like(at, -1));
        }
    }

    /// <summary>dL/dW regrouped, its errors alike in every row: [C_out * kernel, C * kernel].</summary>
    public Tensor Rows { get; }

    /// <summary>Lines of one input.</summary>
    public long Count => reads.shape[1];

    /// <summary>What a line reads, [channels * kernel, lines], as <see cref="PatchForm"/> takes it.</summary>
    public Tensor Reads(long channels)
    {
        var first = arange(channels).reshape(-1, 1, 1) * layer.Map.Places;
        return where(reads.unsqueeze(0) > 0, reads.unsqueeze(0) + first, zeros(1, ScalarType.Int64)).flatten(0, 1);
    }

    /// <summary>[B, lines, channels * kernel].</summary>
    /// <param name="maps">[B, channels, H, W], channels of the layer or mixtures of them.</param>
    public Tensor Unfold(Tensor maps)
    {
        var padded = nn.functional.pad(maps.flatten(1), [1, 0]);
        return padded.index_select(1, Reads(maps.shape[1]).flatten()).reshape(maps.shape[0], -1, Count).transpose(1, 2);
    }

    /// <summary>Adds all lines where they were read: [B, channels * H * W].</summary>
    /// <param name="lines">[B, lines, channels * kernel].</param>
    public Tensor Fold(Tensor lines)
    {
        var at = Reads(layer.Conv.Input);
        return zeros([lines.shape[0], layer.Conv.Input * layer.Map.Places + 1], ScalarType.Float64)
            .index_add_(1, at.flatten(), lines.transpose(1, 2).flatten(1), 1).narrow(1, 1, layer.Conv.Input * layer.Map.Places);
    }
}
