namespace Afterimage.Leakage;

/// <summary>
/// Natural images without any data: power falls as 1/f^2 (Field, 1987) in the cosine basis, which has no seam at the border,
/// and channels correlate. Pixels have a deviation of 0.25.
/// </summary>
[Cites("field1987relations")]
public sealed class PowerLawImages : GaussianImages
{
    private const double PixelVariance = 0.0625, ChannelCorrelation = 0.9, LowestFrequency = 0.5;

    private readonly Tensor rows, columns, amplitudes, colors;

    public PowerLawImages(ImageShape shape) : base(shape)
    {
        using var scope = Tidy.Scope();
        rows = Cosines(shape.Height).DetachFromDisposeScope();
        columns = Cosines(shape.Width).DetachFromDisposeScope();
        var side = Math.Max(shape.Height, shape.Width);
        var (down, across) = (Frequencies(shape.Height, side).view(-1, 1), Frequencies(shape.Width, side).view(1, -1));
        var power = 1 / (down.square() + across.square()).clamp_min(LowestFrequency * LowestFrequency);
        power *= PixelVariance * shape.Height * shape.Width / power.sum();
        amplitudes = power.sqrt().DetachFromDisposeScope();
        // (1 - r) I + r 11' has the eigenvalues 1 - r, and 1 - r + r C along gray.
        var (plain, gray) = (1 - ChannelCorrelation, 1 - ChannelCorrelation + ChannelCorrelation * shape.Channels);
        var along = full([shape.Channels, shape.Channels], 1.0 / shape.Channels, ScalarType.Float64);
        colors = (Math.Sqrt(plain) * (eye(shape.Channels, dtype: ScalarType.Float64) - along) + Math.Sqrt(gray) * along).DetachFromDisposeScope();
        var variance = rows.square().t().matmul(power).matmul(columns.square());
        Variance = variance.expand(shape.Channels, shape.Height, shape.Width).clone().DetachFromDisposeScope();
        Eigenvalues = power.view(-1).data<double>().ToArray()
            .SelectMany(value => Enumerable.Repeat(plain * value, shape.Channels - 1).Append(gray * value)).OrderDescending().ToValueList();
    }

    public override string Name => "1/f^2";

    public override Tensor Variance { get; }

    public override ValueList<double> Eigenvalues { get; }

    public override Tensor Root(Tensor z) => Tidy.Keep(() => Colored(rows.t().matmul(z * amplitudes).matmul(columns)));

    public override Tensor RootTransposed(Tensor x) => Tidy.Keep(() => rows.matmul(Colored(x)).matmul(columns.t()) * amplitudes);

    protected override void Dispose(bool disposing)
    {
        foreach (var owned in (Tensor[])[rows, columns, amplitudes, colors])
            owned.Dispose();
        base.Dispose(disposing);
    }

    private Tensor Colored(Tensor images) => colors.matmul(images.reshape(-1, Shape.Channels, Shape.Height * Shape.Width)).view(images.shape);

    /// <summary>The orthonormal cosine basis: one frequency in each row.</summary>
    private static Tensor Cosines(int count)
    {
        var frequency = arange(count, ScalarType.Float64).view(-1, 1);
        var place = (arange(count, ScalarType.Float64).view(1, -1) + 0.5) / count;
        var basis = (frequency * place * Math.PI).cos() * Math.Sqrt(2.0 / count);
        basis[0] /= Math.Sqrt(2);
        return basis;
    }

    private static Tensor Frequencies(int count, int side) => arange(count, ScalarType.Float64) * ((double)side / count);
}
