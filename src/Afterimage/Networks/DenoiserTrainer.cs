using Afterimage.Numerics.Arrays;

namespace Afterimage.Networks;

/// <summary>The state of a denoiser's training: the network, Adam's moments, and the best network so far on held-out images.</summary>
public sealed class DenoiserTrainer : IDisposable
{
    private const int HeldOut = 96;
    private static readonly double[] Sigmas = [15, 25, 50];
    private readonly DenoiserTraining training;
    private readonly RandomSource random;
    private readonly ProceduralPatches patches;
    private readonly Tensor clean;
    private readonly Adam adam;
    private readonly Tensor best;

    /// <summary>Begins a training: paints the training images and draws the initial network.</summary>
    /// <param name="training">Settings.</param>
    /// <param name="cancellation">Stops the painting.</param>
    /// <exception cref="AfterimageException">A setting is out of its range.</exception>
    public DenoiserTrainer(DenoiserTraining training, CancellationToken cancellation = default)
    {
        Numerics.Settings.Check(training);
        this.training = training;
        random = new RandomSource(training.Seed).Derive("denoiser");
        using var scope = Tidy.Scope();
        using (var held = new ProceduralPatches(HeldOut, training.Patch, random.Derive("held out"), cancellation))
            clean = held.Draw(HeldOut, random.Derive("held-out patches")).DetachFromDisposeScope();
        patches = new(training.Images, training.Patch, random.Derive("images"), cancellation);
        Network = Denoiser.Draw(training.Shape, random.Derive("network")).Detach();
        adam = new(Network.Flat, beta2: 0.99);
        best = Network.Flat.clone().DetachFromDisposeScope();
    }

    /// <summary>The network after the last step.</summary>
    public Denoiser Network { get; }

    /// <summary>How many steps have been taken.</summary>
    public int Step { get; private set; }

    /// <summary>Mean PSNR in dB of the best network on held-out patches at sigma 15, 25 and 50.</summary>
    public double Best { get; private set; } = double.NegativeInfinity;

    /// <summary>Whether all steps have been taken.</summary>
    public bool Finished => Step >= training.Steps;

    /// <summary>
    /// Trains to the end and validates on held-out images at regular intervals. At each validation, and when canceled, the state is
    /// saved so that an interrupted training can resume.
    /// </summary>
    /// <param name="state">The file of the state, ending in .safetensors.</param>
    /// <param name="watch">Called after each validation.</param>
    /// <param name="cancellation">Stops after the current step.</param>
    public void Run(string state, Action<TrainingProgress>? watch = null, CancellationToken cancellation = default)
    {
        var (loss, steps) = (0.0, 0);
        while (!Finished && !cancellation.IsCancellationRequested)
        {
            loss += Advance();
            steps++;
            if (Step % training.Every != 0 && !Finished)
                continue;
            var quality = Validate();
            Save(state);
            watch?.Invoke(new(Step, loss / steps, quality, Best));
            (loss, steps) = (0, 0);
        }
        if (cancellation.IsCancellationRequested)
            Save(state);
    }

    /// <summary>Takes one step of Adam and returns the loss before it.</summary>
    public double Advance()
    {
        using var scope = Tidy.Scope();
        var stream = random.Derive("step", Step);
        using var generator = stream.Derive("noise").Generator(CPU);
        var truth = patches.Draw(training.Batch, stream.Derive("patches"));
        var sigma = rand([training.Batch, 1, 1, 1], generator: generator) * ((training.LargestSigma - 1) / 255) + 1 / 255.0;
        var noisy = truth + sigma * randn(truth.shape, generator: generator);
        // Errors grow with sigma; the division gives all noise levels the same weight.
        var loss = ((Network.Apply(noisy, sigma) - truth).square() / sigma).mean();
        var gradient = cat([.. Differentiate.Gradients(loss, Network.Parameters).Select(part => part.reshape(-1))]);
        adam.Step(Network.Flat, gradient, training.Rate(Step), Step + 1);
        Step++;
        return loss.ToDouble();
    }

    /// <summary>The mean PSNR in dB on held-out patches; the network is kept if it is the best so far.</summary>
    public double Validate()
    {
        using var scope = Tidy.Scope();
        var quality = Sigmas.Average(sigma => DenoisingQuality.Psnr(Network, clean, sigma));
        if (quality > Best)
        {
            Best = quality;
            best.copy_(Network.Flat);
        }
        return quality;
    }

    /// <summary>Writes all that it takes to go on: settings, networks and moments.</summary>
    public void Save(string path)
    {
        var temporary = path + ".part.safetensors";
        ArrayFile.Write(temporary,
        [
            NamedArray.Of("settings", [Settings.Length], Settings), NamedArray.Of("progress", [2], [Step, Best]),
            NamedArray.Of("network", Network.Flat), NamedArray.Of("best", best),
            NamedArray.Of("first", adam.Mean), NamedArray.Of("second", adam.Square),
        ]);
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>
    /// Reads a state that <see cref="Save"/> wrote; training then gives the numbers of one that never stopped. Only the number of
    /// steps may differ.
    /// </summary>
    /// <exception cref="AfterimageException">The file is damaged, or belongs to a training with other settings.</exception>
    public void Restore(string path)
    {
        var file = ArrayFile.Read(path);
        if (!file["settings"].ToDouble().SequenceEqual(Settings))
            throw new AfterimageException($"{path} belongs to a training with other settings: repeat them, or choose another file.");
        using var scope = Tidy.Scope();
        (string, Tensor)[] parts = [("network", Network.Flat), ("best", best), ("first", adam.Mean), ("second", adam.Square)];
        foreach (var (name, to) in parts)
            to.copy_(file[name].Shape is [var count] && count == Network.Flat.shape[0] ? file[name].ToTensor(ScalarType.Float32, CPU)
                : throw new AfterimageException($"{path}: \"{name}\" does not fit the network; the file is damaged."));
        if (file["progress"].ToDouble() is not [var step, var quality])
            throw new AfterimageException($"{path}: \"progress\" has not two numbers; the file is damaged.");
        (Step, Best) = ((int)step, quality);
    }

    /// <summary>Writes the best network so far.</summary>
    public void SaveBest(string path)
    {
        using var scope = Tidy.Scope();
        new Denoiser(training.Shape, best.clone()).Save(path);
    }

    // The number of steps is not among them: a resumed training may be longer or shorter, and the learning rate follows.
    private double[] Settings => [training.Width, training.Depth, training.Batch, training.Patch, training.LearningRate,
        training.LargestSigma, training.Images, training.Every, training.Seed];

    /// <inheritdoc/>
    public void Dispose()
    {
        Network.Dispose();
        patches.Dispose();
        adam.Dispose();
        clean.Dispose();
        best.Dispose();
    }
}

/// <summary>Progress of a training at one validation.</summary>
/// <param name="Step">Steps taken.</param>
/// <param name="Loss">Mean training loss since the last validation.</param>
/// <param name="Quality">Mean PSNR in dB on held-out patches at sigma 15, 25 and 50.</param>
/// <param name="Best">The best quality so far.</param>
public readonly record struct TrainingProgress(int Step, double Loss, double Quality, double Best);
