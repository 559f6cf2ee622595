namespace Afterimage.Attacks;

/// <summary>One point at which GroupNorm, or BatchNorm with the statistics of its batch, is looked at.</summary>
/// <param name="Groups">Groups of channels; null for channels that are normalized each by itself over the whole batch.</param>
/// <param name="Standard">z', [B,C,H,W].</param>
/// <param name="Mean">Of the group of every channel, [B,C,1,1], or of every channel, [1,C,1,1].</param>
/// <param name="Deviation">Shaped alike.</param>
internal sealed record GroupPoint(int? Groups, Tensor Standard, Tensor Mean, Tensor Deviation)
{
    /// <summary>The mean over all that shares statistics with every channel, shaped as <see cref="Mean"/>.</summary>
    public Tensor Over(Tensor values)
    {
        if (Groups is not { } groups)
            return values.mean([0, 2, 3], keepdim: true);
        var each = values.reshape(values.shape[0], groups, -1).mean([2], keepdim: true);
        return each.expand(-1, -1, values.shape[1] / groups).reshape(values.shape[0], values.shape[1], 1, 1);
    }

    /// <summary>What a change of z leaves of itself: neither its mean nor its part along z'.</summary>
    public Tensor Free(Tensor change) => change - Over(change) - Standard * Over(change * Standard);
}
