using System.Globalization;

namespace Afterimage.Networks;

/// <summary>The training of a denoiser on procedural images: the network, Adam's moments, and held-out images.</summary>
public sealed class DenoiserTask : TrainingTask
{
    private const int HeldOut = 96;
    private static readonly double[] Sigmas = [15, 25, 50];
    private readonly DenoiserTraining training;
    private readonly ProceduralPatches patches;
    private readonly Tensor clean;
    private readonly Adam adam;

    /// <summary>Paints the training images and draws the initial network.</summary>
    /// <param name="training">Settings.</param>
    /// <param name="cancellation">Stops the painting.</param>
    /// <exception cref="AfterimageException">A setting is out of its range.</exception>
    public DenoiserTask(DenoiserTraining training, CancellationToken cancellation = default)
    {
        Numerics.Settings.Check(training);
        this.training = training;
        Random = new RandomSource(training.Seed).Derive("denoiser");
        using var scope = Tidy.Scope();
        using (var held = new ProceduralPatches(HeldOut, training.Patch, Random.Derive("held out"), cancellation))
            clean = held.Draw(HeldOut, Random.Derive("held-out patches")).DetachFromDisposeScope();
        patches = new(training.Images, training.Patch, Random.Derive("images"), cancellation);
        Network = Denoiser.Draw(training.Shape, Random.Derive("network")).Detach();
        adam = new(Network.Flat, beta2: 0.99);
    }

    /// <summary>The network after the last step.</summary>
    public Denoiser Network { get; }

    /// <inheritdoc/>
    public override int Steps => training.Steps;

    /// <inheritdoc/>
    public override int Every => training.Every;

    /// <inheritdoc/>
    public override ValueList<double> Settings => [training.Width, training.Depth, training.Batch, training.Patch, training.LearningRate,
        training.LargestSigma, training.Images, training.Every, training.Seed];

    /// <inheritdoc/>
    public override string Subject => string.Create(CultureInfo.InvariantCulture, $"a network of {Network.Numbers:N0} numbers");

    internal override RandomSource Random { get; }

    internal override IReadOnlyList<(string Name, Tensor Value)> State =>
        [("network", Network.Flat), ("first", adam.Mean), ("second", adam.Square)];

    internal override Tensor Result => Network.Flat;

    internal override double Advance(int step, RandomSource stream)
    {
        using var generator = stream.Derive("noise").Generator(CPU);
        var truth = patches.Draw(training.Batch, stream.Derive("patches"));
        var sigma = rand([training.Batch, 1, 1, 1], generator: generator) * ((training.LargestSigma - 1) / 255) + 1 / 255.0;
        var noisy = truth + sigma * randn(truth.shape, generator: generator);
        // Errors grow with sigma; the division gives all noise levels the same weight.
        var loss = ((Network.Apply(noisy, sigma) - truth).square() / sigma).mean();
        var gradient = cat([.. Differentiate.Gradients(loss, Network.Parameters).Select(part => part.reshape(-1))]);
        adam.Step(Network.Flat, gradient, training.Rate(step), step + 1);
        return loss.ToDouble();
    }

    /// <summary>The mean PSNR in dB on held-out patches at sigma 15, 25 and 50.</summary>
    internal override double Validate() => Sigmas.Average(sigma => DenoisingQuality.Psnr(Network, clean, sigma));

    /// <inheritdoc/>
    public override string Measure => "held-out images";

    /// <inheritdoc/>
    public override string Figure(double quality) => string.Create(CultureInfo.InvariantCulture, $"{quality:F2} dB");

    internal override void Save(Tensor result, string path)
    {
        using var scope = Tidy.Scope();
        new Denoiser(training.Shape, result.clone()).Save(path);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Network.Dispose();
        patches.Dispose();
        adam.Dispose();
        clean.Dispose();
    }
}
