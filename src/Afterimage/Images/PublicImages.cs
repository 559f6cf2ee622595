using Afterimage.Data;

namespace Afterimage.Images;

/// <summary>Gaussian models measured on public images.</summary>
public static class PublicImages
{
    /// <summary>Pixels up to which a covariance of all pairs is affordable.</summary>
    private const int MostDense = 4096;

    // Fewer images than this share of the pixels say too little of pairs of pixels.
    private const double LeastImages = 0.5;

    /// <summary>The model of the first images of a set.</summary>
    /// <param name="images">All of one shape.</param>
    /// <param name="count">How many are read at most.</param>
    /// <exception cref="AfterimageException">There are fewer than two images.</exception>
    public static GaussianImages Fit(ImageSet images, int count)
    {
        var shape = images.Shape;
        using var stack = empty([Math.Min(count, images.Count), shape.Channels, shape.Height, shape.Width], ScalarType.Float64);
        for (var i = 0; i < stack.shape[0]; i++)
        {
            using var scope = Tidy.Scope();
            stack[i].copy_(tensor(images[i].Pixels).view(shape.Channels, shape.Height, shape.Width));
        }
        return Fit(stack);
    }

    /// <summary>
    /// Mean and covariance: of all pairs of pixels where images are small and many enough, else of the channels at every frequency.
    /// </summary>
    /// <param name="images">In [0,1], [N,C,H,W].</param>
    /// <exception cref="AfterimageException">There are fewer than two images.</exception>
    public static GaussianImages Fit(Tensor images)
    {
        var shape = new ImageShape((int)images.shape[1], (int)images.shape[2], (int)images.shape[3]);
        if (images.shape[0] < 2)
            throw new AfterimageException($"A covariance needs at least two public images, but there is {images.shape[0]}: " +
                "choose a larger set, or none.");
        var exact = images.to(ScalarType.Float64);
        var spectrum = new PublicSpectrum(shape, exact);
        return shape.Count <= MostDense && exact.shape[0] >= LeastImages * shape.Count ? new PublicCovariance(exact, spectrum) : spectrum;
    }
}
