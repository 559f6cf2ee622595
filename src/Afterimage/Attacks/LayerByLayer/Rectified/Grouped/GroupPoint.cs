namespace Afterimage.Attacks;

/// <summary>One point at which GroupNorm is looked at.</summary>
/// <param name="Groups">Groups of channels.</param>
/// <param name="Standard">z', [B,C,H,W].</param>
/// <param name="Mean">Of the group of every channel, [B,C,1,1].</param>
/// <param name="Deviation">Of the group of every channel, [B,C,1,1].</param>
internal sealed record GroupPoint(int Groups, Tensor Standard, Tensor Mean, Tensor Deviation)
{
    /// <summary>The mean over the group of every channel, [B,C,1,1].</summary>
    public Tensor Over(Tensor values)
    {
        var each = values.reshape(values.shape[0], Groups, -1).mean([2], keepdim: true);
        return each.expand(-1, -1, values.shape[1] / Groups).reshape(values.shape[0], values.shape[1], 1, 1);
    }

    /// <summary>What a change of z leaves of itself: neither its mean over the group nor its part along z'.</summary>
    public Tensor Free(Tensor change) => change - Over(change) - Standard * Over(change * Standard);
}
