namespace Afterimage.Spaces;

/// <summary>Projection onto l1 balls (Duchi et al., 2008).</summary>
[Cites("duchi2008efficient")]
internal static class L1Ball
{
    /// <summary>Moves the rows of a batch, in place, to the nearest points of their balls; false when all were inside.</summary>
    /// <param name="variables">[B * n].</param>
    /// <param name="center">[B * n].</param>
    /// <param name="batch">B.</param>
    /// <param name="share">The radius of each ball as a share of the l1 norm of its center.</param>
    public static bool Project(Tensor variables, Tensor center, int batch, double share)
    {
        using var scope = Tidy.Scope();
        var (middle, away) = (center.view(batch, -1), variables.view(batch, -1) - center.view(batch, -1));
        var radius = middle.abs().sum([1], keepdim: true) * share;
        var size = away.abs();
        var outside = size.sum([1], keepdim: true) > radius;
        if (!outside.any().ToBoolean())
            return false;
        // The threshold t at which the sum of max(|a| - t, 0) is the radius: found from the sorted sizes.
        var (sorted, _) = size.sort(1, descending: true);
        var counts = arange(1, sorted.shape[1] + 1, sorted.dtype, sorted.device);
        var thresholds = (sorted.cumsum(1) - radius) / counts;
        var last = (sorted > thresholds).to(ScalarType.Int64).sum([1], keepdim: true).clamp_min(1) - 1;
        var threshold = thresholds.gather(1, last).clamp_min(0);
        var inside = away.sign() * (size - threshold).clamp_min(0);
        variables.view(batch, -1).copy_(where(outside, middle + inside, variables.view(batch, -1)));
        return true;
    }
}
