using Afterimage.Numerics.Arrays;

namespace Afterimage.Networks;

/// <summary>
/// A denoising diffusion model with the preconditioning of EDM (Karras et al., 2022) around a small U-Net: the expectation of an image,
/// given the image with Gaussian noise of a known level. It is twice differentiable.
/// </summary>
[Cites("karras2022elucidating")]
public sealed class DiffusionModel : IDisposable
{
    // Noise levels of pixels in [-1,1], as published; those of pixels in [0,1] are half of them.
    private const double Spread = 0.5, Largest = 80, Smallest = 0.002, Curvature = 7;
    private readonly ParameterViews parameters;

    private DiffusionModel(DiffusionShape settings, ParameterViews parameters) => (Settings, this.parameters) = (settings, parameters);

    /// <summary>The layers.</summary>
    public DiffusionShape Settings { get; }

    /// <summary>The shape [C,H,W] of its images.</summary>
    public ValueList<long> Shape => [Settings.Channels, Settings.Side, Settings.Side];

    /// <summary>How many classes it knows; 0 where it is unconditional.</summary>
    public int Classes => Settings.Classes;

    /// <summary>How the parameters lie in <see cref="Flat"/>.</summary>
    public TensorLayout Layout => parameters.Layout;

    /// <summary>All parameters in one vector.</summary>
    public Tensor Flat => parameters.Flat;

    /// <summary>The largest noise level of pixels in [0,1] that it knows: sampling starts there.</summary>
    public static double LargestSigma => Largest / 2;

    /// <summary>A network with these parameters, which it owns.</summary>
    internal static DiffusionModel Of(DiffusionShape settings, Tensor flat) => new(settings, new(settings.Layout, flat, isOwner: true));

    /// <summary>A network to be trained: it answers with a shrunken input at first.</summary>
    /// <exception cref="AfterimageException">A setting is out of its range.</exception>
    public static DiffusionModel Untrained(DiffusionShape settings, RandomSource random)
    {
        Numerics.Settings.Check(settings);
        return Of(settings, InitialWeights.Normal(settings.Layout, random, name =>
            name == "out.weight" || name.EndsWith("conv1.weight", StringComparison.Ordinal) ? 0.01 : 1));
    }

    /// <summary>A diffusion model from a file that "afterimage train generator --kind diffusion" wrote; float32 on the CPU.</summary>
    /// <exception cref="AfterimageException">The file is missing or damaged, or holds no diffusion model.</exception>
    public static DiffusionModel Load(string path) => GeneratorFile.Diffusion(ArrayFile.Read(path));

    /// <summary>The diffusion model that comes with Afterimage, trained on dead leaves alone (docs/generative.md says how).</summary>
    public static DiffusionModel Shipped()
    {
        using var stream = typeof(DiffusionModel).Assembly.GetManifestResourceStream("Afterimage.Networks.diffusion.safetensors")!;
        return GeneratorFile.Diffusion(ArrayFile.Read(stream, "The diffusion model that comes with Afterimage"));
    }

    /// <summary>The same network with other parameters, in their type: it is differentiable in them and owns nothing.</summary>
    public DiffusionModel With(Tensor flat) => new(Settings, new(Layout, flat, isOwner: false));

    /// <summary>A copy in another precision, or on another device.</summary>
    public DiffusionModel To(ScalarType type, Device? device = null) => new(Settings, parameters.To(type, device));

    /// <summary>The expected images, [B,C,H,W], not clamped to [0,1].</summary>
    /// <param name="noisy">[B,C,H,W], pixels in [0,1] plus noise.</param>
    /// <param name="sigma">The standard deviation of the noise for pixels in [0,1], above 0.</param>
    /// <param name="labels">Class numbers [B] or probabilities [B,Classes]; null leaves the class open.</param>
    public Tensor Denoise(Tensor noisy, double sigma, Tensor? labels) =>
        Denoise(noisy, full([noisy.shape[0]], sigma, noisy.dtype, noisy.device), labels);

    /// <summary>The expected images, [B,C,H,W], not clamped to [0,1].</summary>
    /// <param name="noisy">[B,C,H,W], pixels in [0,1] plus noise.</param>
    /// <param name="sigma">[B], each image's standard deviation of the noise for pixels in [0,1], above 0.</param>
    /// <param name="labels">Class numbers [B] or probabilities [B,Classes]; null leaves the class open.</param>
    public Tensor Denoise(Tensor noisy, Tensor sigma, Tensor? labels)
    {
        if (Classes == 0)
            ClassLabels.RefuseAny(labels);
        var classes = Classes == 0 ? null
            : ClassLabels.Probabilities(labels, noisy.shape[0], Classes, Flat.dtype, Flat.device);
        var (images, level) = (noisy * 2 - 1, sigma.view(-1, 1, 1, 1) * 2);
        var norm = (level.square() + Spread * Spread).rsqrt();
        var made = Network((images * norm).to(Flat.dtype), (level.view(-1, 1).log() / 4).to(Flat.dtype), classes).to(noisy.dtype);
        var denoised = images * norm.square() * (Spread * Spread) + made * norm * level * Spread;
        return (denoised + 1) / 2;
    }

    /// <summary>Images [count,C,H,W] in [0,1], drawn by Heun's method of the second order without fresh noise.</summary>
    /// <param name="count">How many images.</param>
    /// <param name="steps">Noise levels; each costs two passes through the network.</param>
    /// <param name="random">Of the noise at the start.</param>
    /// <param name="labels">As in <see cref="Denoise(Tensor, double, Tensor?)"/>.</param>
    public Tensor Sample(int count, int steps, RandomSource random, Tensor? labels = null) => Tidy.Keep(() =>
    {
        using var _ = no_grad();
        using var normal = random.Generator(CPU);
        var levels = Levels(steps);
        var images = 0.5 + randn([count, .. Shape], ScalarType.Float32, CPU, generator: normal).to(Flat.dtype, Flat.device) * levels[0];
        for (var step = 0; step < steps; step++)
        {
            using var scope = Tidy.Scope();
            var (now, next) = (levels[step], levels[step + 1]);
            var slope = (images - Denoise(images, now, labels)) / now;
            var there = images + slope * (next - now);
            if (next > 0)
                there = images + (slope + (there - Denoise(there, next, labels)) / next) * ((next - now) / 2);
            images.copy_(there);
        }
        return images.clamp(0, 1);
    });

    /// <summary>Falling noise levels of pixels in [0,1]; the last one is 0.</summary>
    public static double[] Levels(int steps) =>
    [
        .. Enumerable.Range(0, steps).Select(step => Math.Pow(Math.Pow(Largest, 1 / Curvature) + step / Math.Max(1.0, steps - 1)
            * (Math.Pow(Smallest, 1 / Curvature) - Math.Pow(Largest, 1 / Curvature)), Curvature) / 2), 0,
    ];

    private Tensor Network(Tensor images, Tensor level, Tensor? classes)
    {
        var embedded = Embedded(level, classes);
        var features = Convolved(nn.functional.pixel_unshuffle(images, 2), "in");
        var kept = new Stack<Tensor>();
        for (var depth = 0; depth < DiffusionShape.Levels; depth++)
        {
            features = Block(depth == 0 ? features : Resizing.Halved(features), $"down{depth}", embedded);
            kept.Push(features);
        }
        features = Block(features, "middle", embedded);
        for (var depth = DiffusionShape.Levels - 1; depth >= 0; depth--)
        {
            var beside = kept.Pop();
            if (features.shape[2] != beside.shape[2])
                features = Resizing.Doubled(features);
            features = Block(cat([features, beside], 1), $"up{depth}", embedded);
        }
        return nn.functional.pixel_shuffle(Convolved(nn.functional.silu(Standardized(features, "out.norm")), "out"), 2);
    }

    private Tensor Embedded(Tensor level, Tensor? classes)
    {
        var frequencies = (arange(DiffusionShape.Frequencies, ScalarType.Float64, CPU) / 2).exp2().to(level.dtype, level.device);
        var angles = level * frequencies;
        var embedded = nn.functional.silu(Linear(cat([angles.sin(), angles.cos()], 1), "level0"));
        if (classes is not null)
            embedded = embedded + nn.functional.linear(classes * Math.Sqrt(Classes), parameters["classes.weight"]);
        return nn.functional.silu(Linear(embedded, "level1"));
    }

    private Tensor Block(Tensor features, string name, Tensor embedded)
    {
        var changed = Convolved(nn.functional.silu(Standardized(features, $"{name}.norm0")), $"{name}.conv0");
        var parts = Linear(embedded, $"{name}.embedding").unsqueeze(2).unsqueeze(3).chunk(2, 1);
        changed = Standardized(changed, $"{name}.norm1") * (parts[0] + 1) + parts[1];
        changed = Convolved(nn.functional.silu(changed), $"{name}.conv1");
        return changed + (changed.shape[1] == features.shape[1] ? features
            : nn.functional.conv2d(features, parameters[$"{name}.skip.weight"]));
    }

    private Tensor Linear(Tensor rows, string layer) =>
        nn.functional.linear(rows, parameters[$"{layer}.weight"], parameters[$"{layer}.bias"]);

    private Tensor Convolved(Tensor maps, string layer) =>
        nn.functional.conv2d(maps, parameters[$"{layer}.weight"], parameters[$"{layer}.bias"], padding: [1L, 1]);

    private Tensor Standardized(Tensor maps, string layer) => nn.functional.group_norm(
        maps, maps.shape[1] % 8 == 0 ? 8 : maps.shape[1] % 4 == 0 ? 4 : 1, parameters[$"{layer}.scale"], parameters[$"{layer}.bias"]);

    /// <summary>Takes the network out of the current dispose scope; the caller owns it from now on.</summary>
    public DiffusionModel Detach()
    {
        parameters.Detach();
        return this;
    }

    /// <inheritdoc/>
    public void Dispose() => parameters.Dispose();
}
