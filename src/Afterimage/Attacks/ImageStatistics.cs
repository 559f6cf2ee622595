using Afterimage.Data;

namespace Afterimage.Attacks;

/// <summary>A gaussian model of images, x = m + T z with z standard normal.</summary>
internal abstract class ImageStatistics
{
    /// <summary>Pixels up to which a covariance of all pairs is affordable.</summary>
    private const int MostDense = 4096;

    // Fewer images than this share of the pixels say too little of pairs of pixels.
    private const double LeastImages = 0.5;

    protected ImageStatistics(ImageShape shape, Tensor mean, Tensor deviations) => (Shape, Mean, Deviations) = (shape, mean, deviations);

    /// <summary>[1,C,H,W].</summary>
    public Tensor Mean { get; }

    /// <summary>[pixels]: how far one unit of each element of z moves the image.</summary>
    public Tensor Deviations { get; }

    public ImageShape Shape { get; }

    /// <summary>T z: [N,pixels] to [N,C,H,W], without the mean.</summary>
    public abstract Tensor Synthesize(Tensor z);

    /// <summary>T'u: [N,C,H,W] to [N,pixels].</summary>
    public abstract Tensor Analyze(Tensor images);

    /// <summary>The z whose image lies nearest to each of some images, [N,C,H,W] to [N,pixels].</summary>
    public abstract Tensor Explain(Tensor images);

    /// <summary>Photographs as such, without any data.</summary>
    public static ImageStatistics OfPhotographs(ImageShape shape) => CosineStatistics.OfPhotographs(shape);

    /// <summary>
    /// Mean and covariance of the first images of a set: of all pairs of pixels where images are small and many enough, else of
    /// the channels at every frequency.
    /// </summary>
    public static ImageStatistics Of(ImageSet images, int count)
    {
        var shape = images.Shape;
        count = Math.Min(count, images.Count);
        if (count < 2)
            throw new AfterimageException($"{images.Name} has {images.Count} images; a covariance needs at least two: choose another set.");
        var stack = empty([count, shape.Channels, shape.Height, shape.Width], ScalarType.Float64);
        for (var i = 0; i < count; i++)
        {
            using var scope = Tidy.Scope();
            stack[i].copy_(tensor(images[i].Pixels).view(shape.Channels, shape.Height, shape.Width));
        }
        var cosines = CosineStatistics.Of(shape, stack);
        return shape.Count <= MostDense && count >= LeastImages * shape.Count ? CovarianceStatistics.Of(stack, cosines) : cosines;
    }
}
