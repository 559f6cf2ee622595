namespace Afterimage.Attacks;

/// <summary>
/// GroupNorm of one image: z' = (z - mean) / deviation over every group of channels, and dL/dz = (a - l - s z') / deviation, where a is the
/// scale times dL/du, l the mean of a over the group and s that of a z'. Both means follow from the gradients of the layer's own shift and
/// scale, which the client sends; z' itself does not. BatchNorm in train mode is the same over each channel of the whole batch.
/// </summary>
/// <param name="Groups">Groups of channels; null for BatchNorm in train mode.</param>
/// <param name="Epsilon">Added to the variance.</param>
/// <param name="Level">l, [1,C,1,1].</param>
/// <param name="Slope">s, [1,C,1,1].</param>
/// <param name="ShiftGradient">dL/d shift, [C].</param>
internal sealed record GroupScaling(int? Groups, double Epsilon, Tensor Level, Tensor Slope, Tensor ShiftGradient)
{
    /// <summary>Where products are taken; null for none.</summary>
    public GroupPoint? Point { get; init; }

    /// <param name="groups">Groups of channels.</param>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="places">Numbers of one channel.</param>
    /// <param name="scale">Of the layer, [C].</param>
    /// <param name="scaleGradient">dL/d scale, [C].</param>
    /// <param name="shiftGradient">dL/d shift, [C].</param>
    public static GroupScaling Of(int groups, double epsilon, long places, Tensor scale, Tensor scaleGradient, Tensor shiftGradient)
    {
        Tensor Mean(Tensor sums)
        {
            var each = (scale * sums).reshape(groups, -1);
            return (each.mean([1], keepdim: true) / places).expand_as(each).reshape(1, -1, 1, 1);
        }
        return new(groups, epsilon, Mean(shiftGradient), Mean(scaleGradient), shiftGradient);
    }

    /// <summary>BatchNorm in train mode.</summary>
    /// <param name="epsilon">Added to the variance.</param>
    /// <param name="count">Numbers of one channel in the whole batch.</param>
    /// <param name="scale">Of the layer, [C].</param>
    /// <param name="scaleGradient">dL/d scale, [C].</param>
    /// <param name="shiftGradient">dL/d shift, [C].</param>
    public static GroupScaling OfBatch(double epsilon, long count, Tensor scale, Tensor scaleGradient, Tensor shiftGradient) => new(null,
        epsilon, (scale * shiftGradient / count).reshape(1, -1, 1, 1), (scale * scaleGradient / count).reshape(1, -1, 1, 1), shiftGradient);

    /// <summary>z' and the deviation of every group at one z, [B,C,H,W].</summary>
    public GroupPoint At(Tensor z)
    {
        if (Groups is not { } groups)
        {
            var center = z.mean([0, 2, 3], keepdim: true);
            var spread = ((z - center).square().mean([0, 2, 3], keepdim: true) + Epsilon).sqrt();
            return new(null, (z - center) / spread, center, spread);
        }
        var each = z.reshape(z.shape[0], groups, -1);
        var mean = each.mean([2], keepdim: true);
        var deviation = ((each - mean).square().mean([2], keepdim: true) + Epsilon).sqrt();
        Tensor Channels(Tensor ofGroups) => ofGroups.expand(-1, -1, z.shape[1] / groups).reshape(z.shape[0], z.shape[1], 1, 1);
        return new(Groups, ((each - mean) / deviation).reshape(z.shape), Channels(mean), Channels(deviation));
    }
}
