namespace Afterimage.Images;

/// <summary>
/// The covariance of every pair of pixels, measured on public images. The spectrum of the same images counts as some images more, so that
/// directions in which they do not differ are not taken for impossible (the mean of an inverse Wishart posterior). T is the Cholesky factor
/// in the cosine basis, low frequencies first: each number of z is what a coefficient adds to what the lower ones foretell.
/// </summary>
internal sealed class PublicCovariance : GaussianImages
{
    private const double PriorCount = 100;

    /// <summary>T and its inverse, transposed for rows: z to pixels, and pixels to z.</summary>
    private readonly Tensor forth;
    private readonly Tensor back;

    /// <summary>Estimates the covariance from public images.</summary>
    /// <param name="images">[N,C,H,W].</param>
    /// <param name="spectrum">Measured on the same images.</param>
    public PublicCovariance(Tensor images, PublicSpectrum spectrum) : base(spectrum.Shape, spectrum.Name, spectrum.Mean)
    {
        using var scope = Tidy.Scope();
        var cosines = new CosineTransform(Shape.Height, Shape.Width);
        var order = spectrum.Frequencies();
        Tensor Coefficients(Tensor images) => cosines.Forward(images).reshape(-1, Shape.Count).index_select(1, order);
        var spectra = Coefficients(images - Mean);
        var law = spectrum.Covariance().index_select(0, order).index_select(1, order);
        var factor = Factorization.Cholesky(
            (spectra.t().matmul(spectra) + PriorCount * law) / (images.shape[0] + PriorCount), "The covariance of the public images");
        // Pixels as coefficients in that order: the rows of the basis.
        var basis = Coefficients(eye(Shape.Count, dtype: ScalarType.Float64).view(-1, Shape.Channels, Shape.Height, Shape.Width));
        forth = factor.t().matmul(basis.t()).contiguous().MoveToOuterDisposeScope();
        back = linalg.solve_triangular(factor, basis.t(), upper: false).t().contiguous().MoveToOuterDisposeScope();
        Deviations = forth.square().sum([1]).sqrt().MoveToOuterDisposeScope();
    }

    public override Tensor Deviations { get; }

    public override Tensor Variance => Tidy.Keep(() => forth.square().sum([0]).view(Shape.Channels, Shape.Height, Shape.Width));

    public override Tensor Synthesize(Tensor z) =>
        z.view(-1, Shape.Count).matmul(forth).view(-1, Shape.Channels, Shape.Height, Shape.Width);

    public override Tensor Analyze(Tensor images) => images.reshape(-1, Shape.Count).matmul(forth.t());

    public override Tensor Explain(Tensor images) => (images - Mean).reshape(-1, Shape.Count).matmul(back);

    private protected override IEnumerable<double> Spectrum()
    {
        using var scope = Tidy.Scope();
        return Factorization.EigenValues(forth.matmul(forth.t()), "The covariance of the public images").data<double>().ToArray();
    }
}
