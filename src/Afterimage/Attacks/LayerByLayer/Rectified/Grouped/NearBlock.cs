namespace Afterimage.Attacks;

/// <summary>A block for products near the last point, which outlives the scope that saw it.</summary>
internal sealed class NearBlock(RectifiedBlock block) : IDisposable
{
    private RectifiedBlock? near;
    private Tensor? scale;
    private Tensor? standard;

    public RectifiedBlock Block => near ?? block;

    /// <param name="x">[1,*Input].</param>
    public void Move(Tensor x)
    {
        if (block.Group is null)
            return;
        near = block.Near(x);
        Kept.Replace(ref scale, near.Scale);
        Kept.Replace(ref standard, near.Group!.Point!.Standard);
    }

    public void Dispose()
    {
        scale?.Dispose();
        standard?.Dispose();
    }
}
