namespace Afterimage.Images;

/// <summary>The orthonormal cosine transform of images (type II), which has no seam at the border. Its tensors live in the scope in which it was made.</summary>
internal sealed class CosineTransform(long height, long width, ScalarType type = ScalarType.Float64, Device? device = null)
{
    private readonly Tensor rows = Basis(height).to(type, device ?? CPU);
    private readonly Tensor columns = Basis(width).to(type, device ?? CPU);

    /// <summary>Coefficients [...,H,W] of images [...,H,W], the lowest frequency first.</summary>
    public Tensor Forward(Tensor images) => rows.matmul(images).matmul(columns.t());

    /// <summary>Images [...,H,W] of coefficients [...,H,W].</summary>
    public Tensor Inverse(Tensor spectrum) => rows.t().matmul(spectrum).matmul(columns);

    /// <summary>The variance of every pixel, [...,H,W], of images whose coefficients are independent and have these variances.</summary>
    public Tensor PixelVariances(Tensor variances) => rows.square().t().matmul(variances).matmul(columns.square());

    /// <summary>
    /// [H,W]: the squared length of every frequency, in half cycles per pixel; that of one cosine along the longer side is added to all,
    /// so that a power that falls with it is finite at the constant.
    /// </summary>
    public static Tensor SquaredFrequencies(long height, long width)
    {
        var vertical = arange(height, ScalarType.Float64).view(-1, 1) / height;
        var horizontal = arange(width, ScalarType.Float64).view(1, -1) / width;
        var lowest = 1.0 / Math.Max(height, width);
        return vertical.square() + horizontal.square() + lowest * lowest;
    }

    /// <summary>[frequency, place].</summary>
    private static Tensor Basis(long size)
    {
        var frequency = arange(size, ScalarType.Float64).view(-1, 1);
        var place = (arange(size, ScalarType.Float64).view(1, -1) + 0.5) * (Math.PI / size);
        var matrix = (frequency * place).cos() * Math.Sqrt(2.0 / size);
        matrix[0].div_(Math.Sqrt(2));
        return matrix;
    }
}
