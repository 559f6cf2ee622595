namespace Afterimage.Images;

/// <summary>No knowledge but how much pixels vary: every pixel independent, of one variance around gray.</summary>
/// <param name="shape">Of one image.</param>
/// <param name="variance">Of every pixel.</param>
public sealed class WhiteImages(ImageShape shape, double variance)
    : GaussianImages(shape, "white", full([1, shape.Channels, shape.Height, shape.Width], 0.5, ScalarType.Float64))
{
    private readonly double deviation = Math.Sqrt(variance);

    /// <summary>Of every pixel.</summary>
    public double PixelVariance { get; } = variance;

    /// <inheritdoc/>
    public override Tensor Deviations { get; } = full([shape.Count], Math.Sqrt(variance), ScalarType.Float64);

    /// <inheritdoc/>
    public override Tensor Variance => full([Shape.Channels, Shape.Height, Shape.Width], PixelVariance, ScalarType.Float64);

    /// <inheritdoc/>
    public override Tensor Synthesize(Tensor z) => z.view(-1, Shape.Channels, Shape.Height, Shape.Width) * deviation;

    /// <inheritdoc/>
    public override Tensor Analyze(Tensor images) => images.reshape(-1, Shape.Count) * deviation;

    /// <inheritdoc/>
    public override Tensor Explain(Tensor images) => (images - Mean).reshape(-1, Shape.Count) / deviation;

    private protected override IEnumerable<double> Spectrum() => Enumerable.Repeat(PixelVariance, Shape.Count);
}
