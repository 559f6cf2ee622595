namespace Afterimage.Images;

/// <summary>
/// What is known of images before any update, for attack and forecast alike: every image of a batch is x = m + T z with z standard normal,
/// independent of the others. Double precision on the CPU; the tensors of a model live in the scope in which it was made.
/// </summary>
/// <param name="shape">Of one image.</param>
/// <param name="name">For tables, for example "1/f^2".</param>
/// <param name="mean">m, [1,C,H,W].</param>
public abstract class GaussianImages(ImageShape shape, string name, Tensor mean)
{
    private ValueList<double>? eigenvalues;

    /// <summary>Of one image.</summary>
    public ImageShape Shape { get; } = shape;

    /// <summary>For tables, for example "1/f^2".</summary>
    public string Name { get; } = name;

    /// <summary>m, [1,C,H,W].</summary>
    public Tensor Mean { get; } = mean;

    /// <summary>[pixels]: how far one unit of each element of z moves the image; the lengths of T's columns.</summary>
    public abstract Tensor Deviations { get; }

    /// <summary>The variance of every pixel, [C,H,W]: the diagonal of TT'. A fresh tensor.</summary>
    public abstract Tensor Variance { get; }

    /// <summary>The eigenvalues of TT', descending, all positive.</summary>
    public ValueList<double> Eigenvalues => eigenvalues ??= Spectrum().OrderDescending().ToValueList();

    /// <summary>The trace of the inverse of TT': the Fisher information of the model about one image.</summary>
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

    /// <summary>T z, images without their mean: [N,pixels] to [N,C,H,W].</summary>
    public abstract Tensor Synthesize(Tensor z);

    /// <summary>T'u: [N,C,H,W] to [N,pixels].</summary>
    public abstract Tensor Analyze(Tensor images);

    /// <summary>The z of images: [N,C,H,W] to [N,pixels].</summary>
    public abstract Tensor Explain(Tensor images);

    /// <summary>The eigenvalues of TT' in any order; asked for once.</summary>
    private protected abstract IEnumerable<double> Spectrum();
}
