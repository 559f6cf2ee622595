namespace Afterimage.Attacks;

/// <summary>
/// What is believed of pixels beside their mean and covariance, as residuals of a Gauss-Newton step. A total variation w sum of
/// sqrt(d^2 + e^2) over differences d of neighbors becomes the reweighted least squares w d^2 / sqrt(d0^2 + e^2) that touches it at the
/// current images; the box becomes the squared distance from [0,1] over a small variance.
/// </summary>
/// <param name="variation">w, on the scale of a negative log-probability (times two); 0 for none.</param>
/// <param name="box">Whether values outside [0,1] are penalized.</param>
internal sealed class PixelTerms(double variation, bool box)
{
    private const double Rounding = 1e-2;
    private const double BoxDeviation = 1e-3;
    private const double BoxPrecision = 1 / (BoxDeviation * BoxDeviation);

    public bool Any => variation > 0 || box;

    /// <summary>The penalty of images [N,C,H,W].</summary>
    public double Value(Tensor images)
    {
        using var scope = Tidy.Scope();
        var value = 0.0;
        for (var side = 2; side <= 3 && variation > 0; side++)
            value += variation * Rounded(images.diff(dim: side)).sum().ToDouble();
        return box ? value + BoxPrecision * Outside(images).square().sum().ToDouble() : value;
    }

    /// <summary>Half its gradient.</summary>
    public Tensor HalfGradient(Tensor images) => Tidy.Keep(() =>
    {
        var gradient = box ? Outside(images) * BoxPrecision : zeros_like(images);
        for (var side = 2; side <= 3 && variation > 0; side++)
        {
            var difference = images.diff(dim: side);
            gradient = gradient + Spread(difference / Rounded(difference), side) * (variation / 2);
        }
        return gradient;
    });

    /// <summary>Half the curvature of what touches the penalty at some images, along a direction.</summary>
    public Tensor Bend(Tensor images, Tensor direction) => Tidy.Keep(() =>
    {
        var bent = box ? (Outside(images) != 0).to(images.dtype) * direction * BoxPrecision : zeros_like(images);
        for (var side = 2; side <= 3 && variation > 0; side++)
            bent = bent + Spread(direction.diff(dim: side) / Rounded(images.diff(dim: side)), side) * (variation / 2);
        return bent;
    });

    private static Tensor Rounded(Tensor difference) => (difference.square() + Rounding * Rounding).sqrt();

    private static Tensor Outside(Tensor images) => images - images.clamp(0, 1);

    /// <summary>The transpose of taking differences.</summary>
    private static Tensor Spread(Tensor differences, int side)
    {
        var shape = differences.shape;
        shape[side] = 1;
        var nothing = zeros(shape, differences.dtype);
        return cat([nothing, differences], side) - cat([differences, nothing], side);
    }
}
