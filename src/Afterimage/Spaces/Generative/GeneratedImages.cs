using Afterimage.Federation;
using Afterimage.Networks;
using Generator = Afterimage.Networks.Generator;

namespace Afterimage.Spaces;

/// <summary>A generator as one round needs it: in the model's precision, with the batch's labels and the model's shape.</summary>
internal sealed class GeneratedImages
{
    private readonly ModelImages fit;

    private GeneratedImages(Generator generator, long[] shape, Tensor? labels) =>
        (Generator, fit, Batch, Labels) = (generator, new(shape), (int)shape[0], labels);

    /// <summary>In the model's precision, on its device.</summary>
    public Generator Generator { get; }

    /// <summary>Label probabilities [B,classes] where the generator has the model's classes; null leaves the class open.</summary>
    public Tensor? Labels { get; }

    /// <summary>Images of the batch.</summary>
    public int Batch { get; }

    /// <summary>Loads a generator for a round.</summary>
    /// <exception cref="AfterimageException">The file holds no generator.</exception>
    public static GeneratedImages Open(string? path, AttackContext context, Tensor? targets)
    {
        using var loaded = Load(path);
        var generator = loaded.To(context.Model.Type, context.Model.Device);
        return new(generator, context.ImagesShape, generator.Classes == context.Model.Classes ? targets?.to(context.Model.Type) : null);
    }

    /// <summary>Images [count,C,H,W] of the victim's shape that a generator draws by itself, its classes in turn.</summary>
    public static Tensor Imagine(string? path, AttackContext context, int count, RandomSource random)
    {
        using var generator = Load(path);
        var labels = generator.Classes == 0 ? null : arange(count, ScalarType.Int64, CPU).remainder(generator.Classes);
        var drawn = generator.Decode(generator.Draw(count, random, ScalarType.Float32, CPU), labels).detach();
        return new ModelImages([count, .. context.ImagesShape[1..]]).Fit(drawn);
    }

    private static Generator Load(string? path) => path is null ? Generator.Shipped() : Generator.Load(path);

    /// <summary>The labels of one image.</summary>
    public Tensor? LabelsOf(int image) => Labels?.narrow(0, image, 1);

    /// <summary>Images in the victim's shape.</summary>
    public Tensor Fit(Tensor images) => fit.Fit(images);
}
