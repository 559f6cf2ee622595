using Afterimage.Numerics.Arrays;

namespace Afterimage.Networks;

/// <summary>A training under way: the network, Adam's moments, and the best network so far by held-out procedural images.</summary>
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

    /// <param name="training">Its settings.</param>
    /// <param name="cancellation">Ends the painting of images.</param>
    /// <exception cref="AfterimageException">A setting is out of its range.</exception>
    public DenoiserTrainer(DenoiserTraining training, CancellationToken cancellation = default)
    {
        training.Check();
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

    /// <summary>The network at the last step.</summary>
    public Denoiser Network { get; }

    /// <summary>Steps done.</summary>
    public int Step { get; private set; }

    /// <summary>Mean PSNR of the best network on held-out patches at sigma 15, 25 and 50; dB.</summary>
    public double Best { get; private set; } = double.NegativeInfinity;

    public bool Finished => Step >= training.Steps;

    /// <summary>
    /// Steps to the end, looking at held-out images at regular intervals. Each look leaves everything in a file from which an
    /// interrupted training goes on; so does a cancellation.
    /// </summary>
    /// <param name="state">The file, ending in .safetensors.</param>
    /// <param name="watch">Called at each look.</param>
    /// <param name="cancellation">Stops after the current step.</param>
    public void Run(string state, Action<TrainingLook>? watch = null, CancellationToken cancellation = default)
    {
        var (loss, steps) = (0.0, 0);
        while (!Finished && !cancellation.IsCancellationRequested)
        {
            loss += Advance();
            steps++;
            if (Step % training.Every != 0 && !Finished)
                continue;
            var quality = Look();
            Save(state);
            watch?.Invoke(new(Step, loss / steps, quality, Best));
            (loss, steps) = (0, 0);
        }
        if (cancellation.IsCancellationRequested)
            Save(state);
    }

    /// <summary>One step of Adam; the loss before it.</summary>
    public double Advance()
    {
        using var scope = Tidy.Scope();
        var stream = random.Derive("step", Step);
        using var generator = stream.Derive("noise").Generator(CPU);
        var truth = patches.Draw(training.Batch, stream.Derive("patches"));
        var sigma = rand([training.Batch, 1, 1, 1], generator: generator) * ((training.LargestSigma - 1) / 255) + 1 / 255.0;
        var noisy = truth + sigma * randn(truth.shape, generator: generator);
        // Errors grow with sigma: divided by it, all noise levels weigh alike.
        var loss = ((Network.Apply(noisy, sigma) - truth).square() / sigma).mean();
        var gradient = cat([.. Differentiate.Gradients(loss, Network.Parameters).Select(part => part.reshape(-1))]);
        adam.Step(Network.Flat, gradient, training.Rate(Step), Step + 1);
        Step++;
        return loss.ToDouble();
    }

    /// <summary>Looks at the held-out patches and keeps the network if it is the best so far; dB.</summary>
    public double Look()
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
            NamedArray.Of("network", Network.Flat), NamedArray.Of("best", best), NamedArray.Of("first", adam.Mean), NamedArray.Of("second", adam.Square),
        ]);
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>
    /// Goes on where <see cref="Save"/> was called; the numbers are those of a training that never stopped. The number of steps may be
    /// another one.
    /// </summary>
    /// <exception cref="AfterimageException">The file is damaged, or of a training with other settings.</exception>
    public void Restore(string path)
    {
        var file = ArrayFile.Read(path);
        if (!file["settings"].ToDouble().SequenceEqual(Settings))
            throw new AfterimageException($"{path} belongs to a training with other settings: repeat them, or choose another file.");
        using var scope = Tidy.Scope();
        foreach (var (name, to) in ((string, Tensor)[])[("network", Network.Flat), ("best", best), ("first", adam.Mean), ("second", adam.Square)])
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

    // Not the number of steps: a training that goes on may be made longer or shorter, and its learning rate follows.
    private double[] Settings => [training.Width, training.Depth, training.Batch, training.Patch, training.LearningRate,
        training.LargestSigma, training.Images, training.Every, training.Seed];

    public void Dispose()
    {
        Network.Dispose();
        patches.Dispose();
        adam.Dispose();
        clean.Dispose();
        best.Dispose();
    }
}

/// <summary>What a training shows at a look.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Loss">Mean since the last look.</param>
/// <param name="Quality">Mean PSNR of held-out images at sigma 15, 25 and 50, dB.</param>
/// <param name="Best">The best of these so far.</param>
public readonly record struct TrainingLook(int Step, double Loss, double Quality, double Best);
