using Afterimage.Numerics.Arrays;

namespace Afterimage.Networks;

/// <summary>
/// FFDNet (Zhang, Zuo and Zhang, 2018), a denoiser for all noise levels: blocks of 2x2 pixels are unfolded into channels, a map of
/// the noise level is added as a channel, 3x3 convolutions with ReLU follow, and the channels are folded back into pixels.
/// </summary>
[Cites("zhang2018ffdnet")]
public sealed class Denoiser : IDisposable
{
    private const double Lift = 0.5;

    // Adam's steps are of the same relative size in every layer, and a correction is about ten times smaller than an image.
    private const double CorrectionScale = 0.1;
    private readonly Tensor[] parameters;

    /// <param name="shape">Shape of the network.</param>
    /// <param name="flat">All parameters in one vector, in the layout's order.</param>
    internal Denoiser(DenoiserShape shape, Tensor flat)
    {
        (Shape, Layout, Flat) = (shape, shape.Layout, flat);
        parameters = [.. new GradientSet(Layout, flat).Split().Select(part => part.detach().requires_grad_())];
    }

    /// <summary>Shape of the network.</summary>
    public DenoiserShape Shape { get; }

    internal TensorLayout Layout { get; }

    /// <summary>All parameters in one vector: <see cref="Parameters"/> are views of it.</summary>
    internal Tensor Flat { get; }

    internal IReadOnlyList<Tensor> Parameters => parameters;

    /// <summary>Number of weights and biases.</summary>
    public int Numbers => (int)Layout.Count;

    /// <summary>
    /// A network to be trained: He's initialization, except that the first channels pass the image through unchanged and the last
    /// layer is zero, so that training starts at a correction of zero.
    /// </summary>
    internal static Denoiser Draw(DenoiserShape shape, RandomSource random)
    {
        using var generator = random.Generator(CPU);
        var parts = shape.Layout.Entries.Select(entry => entry.Shape is [_, var inputs, ..]
            ? randn(entry.Shape, ScalarType.Float32, CPU, generator: generator) * Math.Sqrt(2.0 / (9 * inputs))
            : zeros(entry.Shape, ScalarType.Float32, CPU)).ToArray();
        var passed = 4 * shape.Channels;
        for (var layer = 0; layer < shape.Depth - 1; layer++)
        {
            var weight = parts[2 * layer];
            weight.narrow(0, 0, passed).zero_();
            for (var i = 0; i < passed; i++)
                weight[i, i, 1, 1] = 1f;
        }
        // Noise makes some pixels negative; without this offset the first ReLU would cut them off.
        parts[1].narrow(0, 0, passed).fill_(Lift);
        parts[^2].zero_();
        return new(shape, cat([.. parts.Select(part => part.reshape(-1))]));
    }

    /// <summary>A denoiser from a file; float32 on the CPU.</summary>
    /// <param name="path">A safetensors or .npz file with FFDNet's published names, or one that Afterimage's training wrote.</param>
    /// <exception cref="AfterimageException">The file is missing or damaged, or holds no denoiser.</exception>
    public static Denoiser Load(string path) => Of(ArrayFile.Read(path));

    /// <summary>The denoiser that comes with Afterimage, trained on procedural images alone (docs/denoiser.md says how).</summary>
    public static Denoiser Shipped()
    {
        using var stream = typeof(Denoiser).Assembly.GetManifestResourceStream("Afterimage.Networks.denoiser.safetensors")!;
        return Of(ArrayFile.Read(stream, "The denoiser that comes with Afterimage"));
    }

    /// <summary>The denoiser of a file, or the shipped one where none is named.</summary>
    public static Denoiser Open(string? path) => path is null ? Shipped() : Load(path);

    /// <summary>Converts a noise level for pixels from 0 to 255 to one for pixels in [0,1].</summary>
    /// <exception cref="AfterimageException">It is not in (0,255].</exception>
    internal static double Level(double sigma) => sigma is > 0 and <= 255 ? sigma / 255
        : throw new AfterimageException($"A denoiser's sigma lies above 0 and up to 255; it is {sigma}.");

    /// <summary>Denoised images in the type of the input, without a graph; the network runs in float32.</summary>
    internal Tensor Clean(Tensor images, double sigma)
    {
        using var gradients = no_grad();
        return Apply(images.to(ScalarType.Float32), sigma).to(images.dtype);
    }

    /// <summary>Writes the network in half precision.</summary>
    public void Save(string path) => ArrayFile.Write(path,
        [.. Layout.Entries.Zip(parameters, (entry, parameter) => NamedArray.Halved(NamedArray.Of(entry.Name, parameter)))]);

    /// <summary>The same network on another device.</summary>
    public Denoiser To(Device device) => new(Shape, Flat.to(device, copy: true));

    /// <summary>Takes the network out of the current dispose scope; the caller owns it from now on.</summary>
    public Denoiser Detach()
    {
        Flat.DetachFromDisposeScope();
        foreach (var parameter in parameters)
            parameter.DetachFromDisposeScope();
        return this;
    }

    /// <summary>Denoised images of the same shape, not clamped to [0,1].</summary>
    /// <param name="images">[B,C,H,W], pixels in [0,1] plus noise; a color network also takes one channel, as gray.</param>
    /// <param name="sigma">Standard deviation of the noise for pixels in [0,1].</param>
    /// <exception cref="AfterimageException">The images have neither one channel nor as many as the network.</exception>
    public Tensor Apply(Tensor images, double sigma) =>
        Apply(images, full([images.shape[0], 1, 1, 1], sigma, images.dtype, images.device));

    /// <summary>Denoised images of the same shape, not clamped to [0,1].</summary>
    /// <param name="images">[B,C,H,W], pixels in [0,1] plus noise; a color network also takes one channel, as gray.</param>
    /// <param name="sigma">[B,1,1,1], the standard deviation of each image's noise for pixels in [0,1].</param>
    /// <exception cref="AfterimageException">The images have neither one channel nor as many as the network.</exception>
    public Tensor Apply(Tensor images, Tensor sigma)
    {
        var channels = images.dim() == 4 ? images.shape[1] : 0;
        if (channels == 1 && Shape.Channels > 1)
            return Apply(images.expand(-1, Shape.Channels, -1, -1), sigma).mean([1], keepdim: true);
        if (channels != Shape.Channels)
            throw new AfterimageException($"This denoiser takes images of {Shape.Channels} channels [B,{Shape.Channels},H,W], " +
                $"not [{string.Join(",", images.shape)}]: use one that was trained for them.");
        var (height, width) = (images.shape[2], images.shape[3]);
        var even = height % 2 == 0 && width % 2 == 0 ? images
            : nn.functional.pad(images, [0, width % 2, 0, height % 2], PaddingModes.Replicate);
        var denoised = nn.functional.pixel_shuffle(Layers(nn.functional.pixel_unshuffle(even, 2), sigma), 2);
        if (Shape.Residual)
            denoised = even + denoised * CorrectionScale;
        return denoised.narrow(2, 0, height).narrow(3, 0, width);
    }

    private Tensor Layers(Tensor features, Tensor sigma)
    {
        features = cat([features, sigma.expand(-1, 1, features.shape[2], features.shape[3])], 1);
        for (var layer = 0; layer < Shape.Depth; layer++)
        {
            features = nn.functional.conv2d(features, parameters[2 * layer], parameters[2 * layer + 1], padding: [1, 1]);
            if (layer < Shape.Depth - 1)
                features = features.relu();
        }
        return features;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Flat.Dispose();
        foreach (var parameter in parameters)
            parameter.Dispose();
    }

    private static Denoiser Of(ArrayFile file)
    {
        var shape = DenoiserShape.Of(file);
        var arrays = Weights.Fit(file, shape.Layout.Entries.Select(entry => (entry.Name, entry.Shape)));
        return new(shape, cat([.. shape.Layout.Entries.Select(entry => arrays[entry.Name].ToTensor(ScalarType.Float32, CPU).reshape(-1))]));
    }
}
