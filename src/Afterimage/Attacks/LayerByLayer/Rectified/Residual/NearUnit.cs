namespace Afterimage.Attacks;

/// <summary>The ends of a unit for products near the last point, which outlives the scope that saw it.</summary>
internal sealed class NearUnit(ResidualUnit unit) : IDisposable
{
    private readonly NearBlock second = new(unit.Second);
    private readonly NearBlock? projection = unit.Projection is { } aside ? new(aside) : null;

    public ResidualUnit Unit => unit with { Second = second.Block, Projection = projection?.Block };

    /// <param name="x">[1,*Input].</param>
    /// <param name="inner">What the last convolution takes in.</param>
    public void Move(Tensor x, Tensor inner)
    {
        second.Move(inner);
        projection?.Move(x);
    }

    public void Dispose()
    {
        second.Dispose();
        projection?.Dispose();
    }
}
