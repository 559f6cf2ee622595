namespace Afterimage.Images;

/// <summary>A model in the cosine basis: frequencies are independent, and at every frequency the color channels vary together.</summary>
public abstract class CosineImages : GaussianImages
{
    private readonly CosineTransform cosines;
    private readonly Tensor roots;
    private readonly Tensor inverses;

    /// <summary>Inverts the roots of the covariance at every frequency.</summary>
    /// <param name="shape">Of one image.</param>
    /// <param name="name">For tables.</param>
    /// <param name="mean">[1,C,H,W].</param>
    /// <param name="roots">[out,in,H,W]: at every frequency a root of the channels' covariance with orthogonal columns.</param>
    private protected CosineImages(ImageShape shape, string name, Tensor mean, Tensor roots) : base(shape, name, mean)
    {
        this.roots = roots;
        cosines = new(shape.Height, shape.Width);
        inverses = Tidy.Keep(() => Factorization.Inverse(roots.permute(2, 3, 0, 1), "The covariance of the images' channels")
            .permute(2, 3, 0, 1).contiguous());
        Deviations = Tidy.Keep(() => roots.square().sum([0]).sqrt().reshape(-1));
    }

    /// <inheritdoc/>
    public override Tensor Deviations { get; }

    /// <inheritdoc/>
    public override Tensor Variance => Tidy.Keep(() => cosines.PixelVariances(roots.square().sum([1])));

    /// <inheritdoc/>
    public override Tensor Synthesize(Tensor z) =>
        Tidy.Keep(() => cosines.Inverse(Mixed(roots, z.view(-1, Shape.Channels, Shape.Height, Shape.Width))));

    /// <inheritdoc/>
    public override Tensor Analyze(Tensor images) =>
        Tidy.Keep(() => Mixed(roots.transpose(0, 1), cosines.Forward(images)).reshape(-1, Shape.Count));

    /// <inheritdoc/>
    public override Tensor Explain(Tensor images) =>
        Tidy.Keep(() => Mixed(inverses, cosines.Forward(images - Mean)).reshape(-1, Shape.Count));

    /// <summary>Places of all coefficients, channels of one frequency side by side, the most varying frequencies first.</summary>
    internal Tensor Frequencies()
    {
        var places = (long)Shape.Height * Shape.Width;
        var order = roots.square().sum([0, 1]).view(-1).argsort(descending: true);
        return (order.view(-1, 1) + arange(Shape.Channels, ScalarType.Int64).view(1, -1) * places).view(-1);
    }

    /// <summary>Of all coefficients, [pixels,pixels].</summary>
    internal Tensor Covariance()
    {
        var frequencies = roots.permute(2, 3, 0, 1).reshape(-1, Shape.Channels, Shape.Channels);
        var channels = frequencies.matmul(frequencies.transpose(-1, -2)).permute(1, 2, 0);
        return diag_embed(channels).permute(0, 2, 1, 3).reshape(Shape.Count, Shape.Count);
    }

    private protected override IEnumerable<double> Spectrum()
    {
        using var scope = Tidy.Scope();
        return Deviations.square().data<double>().ToArray();
    }

    /// <summary>Every frequency's matrix [out,in,H,W] times its channels, [N,in,H,W] to [N,out,H,W].</summary>
    private Tensor Mixed(Tensor matrices, Tensor spectrum) => Enumerable.Range(0, Shape.Channels)
        .Select(i => spectrum.narrow(1, i, 1) * matrices.select(1, i)).Aggregate((sum, channel) => sum.add_(channel));
}
