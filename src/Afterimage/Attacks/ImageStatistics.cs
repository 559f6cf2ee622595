using Afterimage.Data;

namespace Afterimage.Attacks;

/// <summary>
/// A gaussian model of images in the cosine basis, x = m + T z with z standard normal: at every frequency the color channels
/// vary together. Either measured on public images or, without any data, photographs as such: power falling with the square of the
/// frequency (Ruderman, 1997), mostly in brightness.
/// </summary>
internal sealed class ImageStatistics
{
    // Variance of photographs in [0,1], and how it is shared by brightness and the two color opponents.
    private const double Variance = 0.06;
    private const double FloorVariance = 1e-6;
    private static readonly double[][] Opponents = [[1, 1, 1], [1, 0, -1], [1, -2, 1]];
    private static readonly double[] Shares = [0.925, 0.06, 0.015];

    private readonly ImageShape shape;
    private readonly Tensor rows;
    private readonly Tensor columns;

    /// <summary>[out,in,H,W]: at every frequency the square root of the channels' covariance.</summary>
    private readonly Tensor roots;

    private ImageStatistics(ImageShape shape, Tensor mean, Tensor rows, Tensor columns, Tensor roots)
    {
        (this.shape, Mean, this.rows, this.columns, this.roots) = (shape, mean, rows, columns, roots);
        Deviations = roots.square().sum([0]).sqrt().reshape(-1);
    }

    /// <summary>[1,C,H,W].</summary>
    public Tensor Mean { get; }

    /// <summary>[pixels]: how far one unit of each element of z moves the image.</summary>
    public Tensor Deviations { get; }

    /// <summary>T z: [N,pixels] to [N,C,H,W], without the mean.</summary>
    public Tensor Synthesize(Tensor z)
    {
        var spectrum = (z.view(-1, 1, shape.Channels, shape.Height, shape.Width) * roots).sum(2);
        return rows.t().matmul(spectrum).matmul(columns);
    }

    /// <summary>T'u: [N,C,H,W] to [N,pixels].</summary>
    public Tensor Analyze(Tensor images)
    {
        var spectrum = rows.matmul(images).matmul(columns.t());
        return (spectrum.unsqueeze(2) * roots).sum(1).reshape(images.shape[0], -1);
    }

    /// <summary>Photographs as such.</summary>
    public static ImageStatistics OfPhotographs(ImageShape shape)
    {
        var (rows, columns) = (Cosines(shape.Height), Cosines(shape.Width));
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
        return new(shape, full([1, shape.Channels, shape.Height, shape.Width], 0.5, ScalarType.Float64), rows, columns, roots);
    }

    /// <summary>Mean and covariance of the first images of a set.</summary>
    public static ImageStatistics Of(ImageSet images, int count)
    {
        var shape = images.Shape;
        count = Math.Min(count, images.Count);
        var (rows, columns) = (Cosines(shape.Height), Cosines(shape.Width));
        var stack = empty([count, shape.Channels, shape.Height, shape.Width], ScalarType.Float64);
        for (var i = 0; i < count; i++)
            stack[i].copy_(tensor(images[i].Pixels).view(shape.Channels, shape.Height, shape.Width));
        var mean = stack.mean([0], keepdim: true);
        var spectra = rows.matmul(stack - mean).matmul(columns.t()).permute(2, 3, 0, 1);
        var covariance = spectra.transpose(-1, -2).matmul(spectra) / count;
        var (variances, directions) = linalg.eigh(covariance);
        var roots = (directions * (variances.clamp_min(0) + FloorVariance).sqrt().unsqueeze(-2)).permute(2, 3, 0, 1).contiguous();
        return new(shape, mean, rows, columns, roots);
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
