using Afterimage.Numerics.Arrays;

namespace Afterimage.Networks;

/// <summary>
/// A trained generator: latents to images in [0,1], in stages. It is twice differentiable in latents, features and parameters, and
/// computes in the type of its parameters.
/// </summary>
public abstract class Generator : IDisposable
{
    /// <summary>The shape [C,H,W] of its images.</summary>
    public abstract ValueList<long> Shape { get; }

    /// <summary>How many numbers a latent has; they are standard normal in training.</summary>
    public abstract int LatentSize { get; }

    /// <summary>How many classes it knows; 0 where it is unconditional.</summary>
    public abstract int Classes { get; }

    /// <summary>How many stages there are: stage 0 takes the latent, the last one gives the image.</summary>
    public abstract int Stages { get; }

    /// <summary>How the parameters lie in <see cref="Flat"/>.</summary>
    public abstract TensorLayout Layout { get; }

    /// <summary>All parameters in one vector, as they were loaded: the master copy, float32.</summary>
    public abstract Tensor Flat { get; }

    /// <summary>
    /// The same network with other parameters, in their type and on their device. It is differentiable in them and owns nothing.
    /// </summary>
    /// <param name="flat">[Layout.Count].</param>
    public abstract Generator With(Tensor flat);

    /// <summary>A copy in another precision, or on another device.</summary>
    public abstract Generator To(ScalarType type, Device? device = null);

    /// <summary>The state in front of stage 0. Its first tensor is what a search may move, the others travel along.</summary>
    /// <param name="latents">[B,LatentSize].</param>
    /// <param name="labels">
    /// Class numbers [B] as int64, or probabilities [B,Classes]; null leaves the class open, and is the only choice where there are none.
    /// </param>
    public abstract IReadOnlyList<Tensor> Begin(Tensor latents, Tensor? labels);

    /// <summary>The state behind a stage; behind the last one it is the images alone, [B,C,H,W] in [0,1].</summary>
    /// <param name="state">The state in front of the stage; its first tensor is a feature map, or the latent.</param>
    /// <param name="stage">From 0 to <see cref="Stages"/> - 1.</param>
    public abstract IReadOnlyList<Tensor> Advance(IReadOnlyList<Tensor> state, int stage);

    /// <summary>Latents [count,LatentSize] as in training.</summary>
    public Tensor Draw(int count, RandomSource random, ScalarType type, Device device)
    {
        using var normal = random.Derive("latents").Generator(CPU);
        return randn([count, LatentSize], ScalarType.Float32, CPU, generator: normal).to(type, device);
    }

    /// <summary>Images [B,C,H,W] in [0,1]: all stages, one after the other.</summary>
    /// <param name="latents">[B,LatentSize].</param>
    /// <param name="labels">As in <see cref="Begin"/>.</param>
    public Tensor Decode(Tensor latents, Tensor? labels)
    {
        var state = Begin(latents, labels);
        for (var stage = 0; stage < Stages; stage++)
            state = Advance(state, stage);
        return state[0];
    }

    /// <summary>
    /// A generator from a file that "afterimage train generator" wrote, or from a .json that says how TorchScript files go together
    /// (docs/generative.md); float32 on the CPU.
    /// </summary>
    /// <exception cref="AfterimageException">The file is missing or damaged, or holds no generator.</exception>
    public static Generator Load(string path) => path.EndsWith(".json", StringComparison.OrdinalIgnoreCase)
        ? ScriptedGeneratorFile.Open(path) : GeneratorFile.Generator(ArrayFile.Read(path));

    /// <summary>The autoencoder's decoder that comes with Afterimage, trained on dead leaves alone (docs/generative.md says how).</summary>
    public static Generator Shipped()
    {
        using var stream = typeof(Generator).Assembly.GetManifestResourceStream("Afterimage.Networks.generator.safetensors")!;
        return GeneratorFile.Generator(ArrayFile.Read(stream, "The generator that comes with Afterimage"));
    }

    /// <summary>Takes the network out of the current dispose scope; the caller owns it from now on.</summary>
    public abstract Generator Detach();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the generator owns.</summary>
    protected abstract void Dispose(bool disposing);
}
