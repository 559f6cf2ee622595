namespace Afterimage.Leakage;

/// <summary>No knowledge but how much pixels vary: every pixel independent, of one variance.</summary>
public sealed class WhiteImages(ImageShape shape, double variance) : GaussianImages(shape)
{
    private readonly double deviation = Math.Sqrt(variance);

    /// <summary>Of every pixel.</summary>
    public double PixelVariance { get; } = variance;

    public override string Name => "white";

    public override Tensor Variance { get; } = full([shape.Channels, shape.Height, shape.Width], variance, ScalarType.Float64).DetachFromDisposeScope();

    public override ValueList<double> Eigenvalues { get; } = Enumerable.Repeat(variance, shape.Count).ToValueList();

    public override Tensor Root(Tensor z) => z * deviation;

    public override Tensor RootTransposed(Tensor x) => x * deviation;
}
