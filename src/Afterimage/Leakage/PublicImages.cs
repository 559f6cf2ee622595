namespace Afterimage.Leakage;

/// <summary>
/// The covariance of public images. It counts a power law as so many images more, which fills the directions that a small
/// collection leaves empty (the mean of an inverse Wishart posterior).
/// </summary>
public sealed class PublicImages : GaussianImages
{
    private const int Most = 6144;
    private const double PriorCount = 100;

    private readonly Tensor root;

    /// <param name="shape">The shape of every image.</param>
    /// <param name="images">Public images in [0,1], shape [N,C,H,W].</param>
    /// <exception cref="AfterimageException">There are fewer than two images, or they are too large for a covariance.</exception>
    public PublicImages(ImageShape shape, Tensor images) : base(shape)
    {
        if (shape.Count > Most)
            throw new AfterimageException($"The covariance of images of {shape} would have {shape.Count} rows, more than {Most}: choose the power-law prior.");
        if (images.shape[0] < 2)
            throw new AfterimageException("A covariance needs at least two public images: give more, or choose the power-law prior.");
        using var scope = Tidy.Scope();
        using var law = new PowerLawImages(shape);
        var centered = images.to(ScalarType.Float64).reshape(-1, shape.Count);
        centered -= centered.mean([0], keepdim: true);
        var roots = law.RootTransposed(eye(shape.Count, dtype: ScalarType.Float64).view(-1, shape.Channels, shape.Height, shape.Width)).view(shape.Count, shape.Count);
        var covariance = (centered.t().matmul(centered) + PriorCount * roots.matmul(roots.t())) / (images.shape[0] + PriorCount);
        root = linalg.cholesky(covariance).DetachFromDisposeScope();
        Variance = covariance.diagonal().reshape(shape.Channels, shape.Height, shape.Width).clone().DetachFromDisposeScope();
        Eigenvalues = linalg.eigvalsh(covariance).data<double>().ToArray().OrderDescending().ToValueList();
        Name = $"{images.shape[0]} public images";
    }

    public override string Name { get; }

    public override Tensor Variance { get; }

    public override ValueList<double> Eigenvalues { get; }

    public override Tensor Root(Tensor z) => Tidy.Keep(() => z.reshape(-1, Shape.Count).matmul(root.t()).view(z.shape));

    public override Tensor RootTransposed(Tensor x) => Tidy.Keep(() => x.reshape(-1, Shape.Count).matmul(root).view(x.shape));

    protected override void Dispose(bool disposing)
    {
        root.Dispose();
        base.Dispose(disposing);
    }
}
