namespace Afterimage.Federation;

/// <summary>How choices fell in one round of a client. The server never sees it; an attack may look for it.</summary>
/// <param name="orders">For every epoch the order in which images enter its steps; null is the order of the batch.</param>
/// <param name="masks">
/// Dropout masks in [0,1], shape [rows, units that dropout can drop]: one row for every time that an image enters a step, epoch by
/// epoch, in the order of the batch. Null drops nothing and scales nothing, which is the mean over all masks.
/// </param>
public sealed class RandomChoices(IReadOnlyList<int[]>? orders, Tensor? masks)
{
    /// <summary>For every epoch the order in which images enter its steps; null is the order of the batch.</summary>
    public IReadOnlyList<int[]>? Orders => orders;

    /// <summary>Dropout masks in [0,1]; null drops nothing.</summary>
    public Tensor? Masks => masks;

    /// <summary>Images in order, no unit dropped.</summary>
    public static RandomChoices None { get; } = new(null, null);
}
