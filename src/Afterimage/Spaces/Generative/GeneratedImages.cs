using Afterimage.Federation;
using Afterimage.Networks;
using Generator = Afterimage.Networks.Generator;

namespace Afterimage.Spaces;

/// <summary>A generator as one round needs it: in the model's precision, with the batch's labels, its images in the model's shape.</summary>
internal sealed class GeneratedImages
{
    private readonly long[] shape;

    private GeneratedImages(Generator generator, long[] shape, Tensor? labels) => (Generator, this.shape, Labels) = (generator, shape, labels);

    /// <summary>In the model's precision, on its device.</summary>
    public Generator Generator { get; }

    /// <summary>Label probabilities [B,classes] where the generator has the model's classes; null leaves the class open.</summary>
    public Tensor? Labels { get; }

    /// <summary>Images of the batch.</summary>
    public int Batch => (int)shape[0];

    /// <summary>Loads a generator for a round.</summary>
    /// <exception cref="AfterimageException">The file holds no generator.</exception>
    public static GeneratedImages Open(string? path, AttackContext context, Tensor? targets)
    {
        using var loaded = path is null ? StyleGenerator.Untrained(new() { Latent = 32, Side = 32 }, new RandomSource(0)) : Generator.Load(path);
        var generator = loaded.To(context.Model.Type, context.Model.Device);
        return new(generator, context.ImagesShape, generator.Classes == context.Model.Classes ? targets?.to(context.Model.Type) : null);
    }

    /// <summary>The labels of one image.</summary>
    public Tensor? LabelsOf(int image) => Labels?.narrow(0, image, 1);

    /// <summary>Images of the model's channels and size: gray is the mean of colors, and fewer pixels are means over areas.</summary>
    public Tensor Fit(Tensor images)
    {
        var (channels, height, width) = (shape[1], shape[2], shape[3]);
        if (images.shape[1] != channels)
            images = channels == 1 ? images.mean([1], keepdim: true) : images.mean([1], keepdim: true).expand(-1, channels, -1, -1);
        if (images.shape[2] == height && images.shape[3] == width)
            return images;
        return height <= images.shape[2] && width <= images.shape[3]
            ? nn.functional.adaptive_avg_pool2d(images, [height, width])
            : nn.functional.interpolate(images, [height, width], mode: InterpolationMode.Bilinear, align_corners: false);
    }
}
