namespace Afterimage.Leakage;

/// <summary>
/// What may be known of images before any update: a Gaussian with covariance S = L L' for one image, alike and independent
/// for every image of a batch. Double precision on the CPU.
/// </summary>
public abstract class GaussianImages(ImageShape shape) : IDisposable
{
    public ImageShape Shape { get; } = shape;

    /// <summary>For tables, for example "1/f^2".</summary>
    public abstract string Name { get; }

    /// <summary>S's diagonal, shape [C,H,W].</summary>
    public abstract Tensor Variance { get; }

    /// <summary>S's eigenvalues for one image, descending, all positive.</summary>
    public abstract ValueList<double> Eigenvalues { get; }

    /// <summary>The trace of the inverse of S: the Fisher information of the prior about one image.</summary>
    public double Information => Eigenvalues.Sum(value => 1 / value);

    /// <summary>
    /// The variance that so many linear measurements of a whole batch, without noise, leave at least: that outside the directions
    /// along which images vary most.
    /// </summary>
    public double Unmeasured(long images, long measurements)
    {
        var (whole, rest) = Math.DivRem(measurements, images);
        return whole >= Shape.Count ? 0 : images * Eigenvalues.Skip((int)whole).Sum() - rest * Eigenvalues[(int)whole];
    }

    /// <summary>L z for each image: independent standard normal numbers become images, less their mean; shape [N,C,H,W].</summary>
    public abstract Tensor Root(Tensor z);

    /// <summary>L' x for each image, shape [N,C,H,W].</summary>
    public abstract Tensor RootTransposed(Tensor x);

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing) => Variance.Dispose();
}
