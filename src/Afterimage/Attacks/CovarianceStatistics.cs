namespace Afterimage.Attacks;

/// <summary>
/// The covariance of every pair of pixels, measured on public images. The model of <see cref="CosineStatistics"/> counts as some
/// images more, so that directions in which the images do not differ are not taken for impossible. T is the Cholesky factor in the
/// cosine basis, low frequencies first: each number of z is what a coefficient adds to what the lower ones foretell.
/// </summary>
internal sealed class CovarianceStatistics : ImageStatistics
{
    private const double PriorCount = 100;

    /// <summary>T and its inverse, transposed for rows: z to pixels, and pixels to z.</summary>
    private readonly Tensor forth;
    private readonly Tensor back;

    private CovarianceStatistics(ImageShape shape, Tensor mean, Tensor forth, Tensor back)
        : base(shape, mean, forth.square().sum([1]).sqrt()) => (this.forth, this.back) = (forth, back);

    public override Tensor Synthesize(Tensor z) =>
        z.view(-1, Shape.Count).matmul(forth).view(-1, Shape.Channels, Shape.Height, Shape.Width);

    public override Tensor Analyze(Tensor images) => images.reshape(-1, Shape.Count).matmul(forth.t());

    public override Tensor Explain(Tensor images) => (images - Mean).reshape(-1, Shape.Count).matmul(back);

    /// <param name="images">[N,C,H,W].</param>
    /// <param name="cosines">Measured on the same images.</param>
    public static CovarianceStatistics Of(Tensor images, CosineStatistics cosines)
    {
        var shape = cosines.Shape;
        var order = cosines.Frequencies;
        var spectra = cosines.Spectrum(images - cosines.Mean).reshape(-1, shape.Count).index_select(1, order);
        var law = cosines.Covariance.index_select(0, order).index_select(1, order);
        var factor = linalg.cholesky((spectra.t().matmul(spectra) + PriorCount * law) / (images.shape[0] + PriorCount));
        var identity = eye(shape.Count, dtype: ScalarType.Float64);
        // Pixels as coefficients in that order: the rows of the basis.
        var basis = cosines.Spectrum(identity.view(-1, shape.Channels, shape.Height, shape.Width)).view(shape.Count, -1)
            .index_select(1, order);
        return new(shape, cosines.Mean, factor.t().matmul(basis.t()).contiguous(),
            linalg.solve_triangular(factor, basis.t(), upper: false).t().contiguous());
    }
}
