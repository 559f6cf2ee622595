using System.Globalization;

namespace Afterimage.Networks;

/// <summary>
/// The training of a diffusion model (Karras et al., 2022): noise levels are drawn from a log-normal distribution, and the squared error is
/// weighed so that the network's own output counts alike at all of them; Adam and a running average of the weights.
/// </summary>
[Cites("karras2022elucidating", "kingma2015adam")]
internal sealed class DiffusionTask : GeneratorTask
{
    private const int SampleSteps = 18;
    private const double Spread = 0.25, Center = -1.2, Width = 1.2;
    private readonly DiffusionShape shape;
    private readonly DiffusionModel frame;
    private readonly TrainedVector network;

    public DiffusionTask(GeneratorTraining training, TrainingImages images) : base(training, images, compared: 500)
    {
        using var scope = Tidy.Scope();
        shape = new() { Channels = training.Channels, Side = training.Side, Width = training.Width, Classes = images.Classes };
        frame = DiffusionModel.Untrained(shape, Random.Derive("network")).Detach();
        network = new("network", frame.Flat, beta1: 0.9, training.Averaging);
    }

    private protected override string Noun => "a diffusion model";

    internal override IReadOnlyList<(string Name, Tensor Value)> State => [.. network.State];

    internal override Tensor Result => network.Average;

    internal override double Advance(int step, RandomSource stream)
    {
        var (images, labels) = Images.Draw(Training.Batch, Used, stream.Derive("images"));
        var leaf = network.Leaf();
        var loss = Error(leaf.to(Training.Type), images, labels, stream.Derive("noise"));
        network.Step(Differentiate.Gradients(loss, [leaf])[0], Training.Rate, step);
        return loss.ToDouble();
    }

    /// <summary>The weighted squared error of a number of an image.</summary>
    private Tensor Error(Tensor parameters, Tensor images, Tensor labels, RandomSource random)
    {
        using var normal = random.Generator(CPU);
        // Half of the published levels, which are those of pixels in [-1,1].
        var sigma = (randn([images.shape[0]], ScalarType.Float32, CPU, generator: normal) * Width + Center).exp() / 2;
        var level = sigma.view(-1, 1, 1, 1);
        var noisy = images + level * randn(images.shape, ScalarType.Float32, CPU, generator: normal);
        var error = frame.With(parameters).Denoise(noisy, sigma, Classes > 0 ? labels : null) - images;
        return (error.square() * ((level.square() + Spread * Spread) / (level * Spread).square())).mean();
    }

    internal override double Validate()
    {
        using var _ = no_grad();
        var (images, labels) = HeldOutImages();
        return -Error(network.Average, images, labels, Random.Derive("held out")).ToDouble();
    }

    /// <inheritdoc/>
    public override string Measure => "weighted error of held-out images";

    /// <inheritdoc/>
    public override string Figure(double quality) => string.Create(CultureInfo.InvariantCulture, $"{-quality:F4}");

    private protected override Tensor Drawn(Tensor parameters, int count, Tensor? labels, RandomSource random) =>
        frame.With(parameters).Sample(count, SampleSteps, random, labels);

    internal override void Save(Tensor result, string path) => GeneratorFile.Write(path, shape, result);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        network.Dispose();
        frame.Dispose();
    }
}
