namespace Afterimage.Attacks;

/// <summary>
/// A model in the cosine basis: at every frequency the color channels vary together. Either measured on public images or, without
/// any data, photographs as such: power falling with the square of the frequency (Ruderman, 1997), mostly in brightness.
/// </summary>
internal sealed class CosineStatistics : ImageStatistics
{
    // Variance of photographs in [0,1], and how it is shared by brightness and the two color opponents.
    private const double Variance = 0.06;
    private const double FloorVariance = 1e-6;
    private static readonly double[][] Opponents = [[1, 1, 1], [1, 0, -1], [1, -2, 1]];
    private static readonly double[] Shares = [0.925, 0.06, 0.015];

    private readonly Tensor rows;
    private readonly Tensor columns;

    /// <summary>[out,in,H,W]: at every frequency the square root of the channels' covariance, and its inverse.</summary>
    private readonly Tensor roots;
    private readonly Tensor inverses;

    private CosineStatistics(ImageShape shape, Tensor mean, Tensor roots) : base(shape, mean, roots.square().sum([0]).sqrt().reshape(-1))
    {
        this.roots = roots;
        (rows, columns) = (Cosines(shape.Height), Cosines(shape.Width));
        inverses = linalg.inv(roots.permute(2, 3, 0, 1)).permute(2, 3, 0, 1).contiguous();
    }

    public override Tensor Synthesize(Tensor z)
    {
        var spectrum = (z.view(-1, 1, Shape.Channels, Shape.Height, Shape.Width) * roots).sum(2);
        return rows.t().matmul(spectrum).matmul(columns);
    }

    public override Tensor Analyze(Tensor images) => (Spectrum(images).unsqueeze(2) * roots).sum(1).reshape(images.shape[0], -1);

    public override Tensor Explain(Tensor images) =>
        (Spectrum(images - Mean).unsqueeze(1) * inverses).sum(2).reshape(images.shape[0], -1);

    /// <summary>Coefficients of the cosine basis, of the shape of the images.</summary>
    public Tensor Spectrum(Tensor images) => rows.matmul(images).matmul(columns.t());

    /// <summary>Places of all coefficients, channels of one frequency side by side, the most varying frequencies first.</summary>
    public Tensor Frequencies
    {
        get
        {
            var places = (long)Shape.Height * Shape.Width;
            var order = roots.square().sum([0, 1]).view(-1).argsort(descending: true);
            return (order.view(-1, 1) + arange(Shape.Channels, ScalarType.Int64).view(1, -1) * places).view(-1);
        }
    }

    /// <summary>Of all coefficients, [pixels,pixels].</summary>
    public Tensor Covariance
    {
        get
        {
            var frequencies = roots.permute(2, 3, 0, 1).reshape(-1, Shape.Channels, Shape.Channels);
            var channels = frequencies.matmul(frequencies.transpose(-1, -2)).permute(1, 2, 0);
            return diag_embed(channels).permute(0, 2, 1, 3).reshape(Shape.Count, Shape.Count);
        }
    }

    public static new CosineStatistics OfPhotographs(ImageShape shape)
    {
        var vertical = arange(shape.Height, ScalarType.Float64).view(-1, 1) / shape.Height;
        var horizontal = arange(shape.Width, ScalarType.Float64).view(1, -1) / shape.Width;
        var lowest = 1.0 / Math.Max(shape.Height, shape.Width);
        var power = 1 / (vertical.square() + horizontal.square() + lowest * lowest);
        power = power * (Variance * shape.Height * shape.Width / power.sum());
        var roots = zeros([shape.Channels, shape.Channels, shape.Height, shape.Width], ScalarType.Float64);
        for (var i = 0; i < shape.Channels; i++)
        {
            var opponents = shape.Channels == 3;
            var variance = power * (opponents ? 3 * Shares[i] : 1) + FloorVariance;
            var length = opponents ? Math.Sqrt(Opponents[i].Sum(value => value * value)) : 1;
            for (var o = 0; o < shape.Channels; o++)
                if (opponents || o == i)
                    roots[o, i].copy_(variance.sqrt() * (opponents ? Opponents[i][o] / length : 1));
        }
        return new(shape, full([1, shape.Channels, shape.Height, shape.Width], 0.5, ScalarType.Float64), roots);
    }

    /// <param name="shape">Of one image.</param>
    /// <param name="images">[N,C,H,W].</param>
    public static CosineStatistics Of(ImageShape shape, Tensor images)
    {
        var mean = images.mean([0], keepdim: true);
        var spectra = Cosines(shape.Height).matmul(images - mean).matmul(Cosines(shape.Width).t()).permute(2, 3, 0, 1);
        var covariance = spectra.transpose(-1, -2).matmul(spectra) / images.shape[0];
        var (variances, directions) = linalg.eigh(covariance);
        var roots = (directions * (variances.clamp_min(0) + FloorVariance).sqrt().unsqueeze(-2)).permute(2, 3, 0, 1).contiguous();
        return new(shape, mean, roots);
    }

    /// <summary>The orthonormal cosine transform.</summary>
    private static Tensor Cosines(int size)
    {
        var frequency = arange(size, ScalarType.Float64).view(-1, 1);
        var place = (arange(size, ScalarType.Float64).view(1, -1) + 0.5) * (Math.PI / size);
        var matrix = (frequency * place).cos() * Math.Sqrt(2.0 / size);
        matrix[0].div_(Math.Sqrt(2));
        return matrix;
    }
}
