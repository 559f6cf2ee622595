using System.Globalization;

namespace Afterimage.Networks;

/// <summary>The training of a network that draws images: its data, its settings, and the distance of its images from them.</summary>
public abstract class GeneratorTask : TrainingTask
{
    private const int MostHeldOut = 256;
    private readonly Lazy<RandomFeatureDistance> distance;

    /// <summary>Keeps some of the images for validation.</summary>
    /// <param name="training">Settings.</param>
    /// <param name="images">Taken over.</param>
    /// <param name="compared">How many images the distance is measured with, if there are as many.</param>
    private protected GeneratorTask(GeneratorTraining training, TrainingImages images, int compared)
    {
        (Training, Images) = (training, images);
        Random = new RandomSource(training.Seed).Derive("generator");
        HeldOut = Math.Min(MostHeldOut, images.Count / 10);
        Used = images.Count - HeldOut;
        var count = Math.Min(compared, images.Count);
        distance = new(() => new(count, (first, number) => images.At(first, number).Images));
        ReferenceCount = count;
    }

    private protected GeneratorTraining Training { get; }

    private protected TrainingImages Images { get; }

    /// <summary>How many images, the last ones, are kept for validation.</summary>
    private protected int HeldOut { get; }

    /// <summary>How many images, the first ones, are trained on.</summary>
    private protected int Used { get; }

    /// <summary>With how many of the data's images those that are drawn are compared at most.</summary>
    public int ReferenceCount { get; }

    /// <summary>How many classes the images have; 0 where they have no labels.</summary>
    public int Classes => Images.Classes;

    /// <inheritdoc/>
    public override int Steps => Training.Steps ?? base.Steps;

    /// <inheritdoc/>
    public override double Minutes => Training.Minutes ?? base.Minutes;

    /// <inheritdoc/>
    public override int Every => Math.Min(Training.Every, Math.Max(1, Used / Training.Batch));

    /// <inheritdoc/>
    public override ValueList<double> Settings => [(double)Training.Kind, Training.Channels, Training.Side, Training.Width, Training.Latent,
        Training.Batch, Training.Rate, Training.Penalty, Training.Averaging, (double)Training.Precision, Training.Every, Training.Seed,
        Images.Count, Images.Classes, Images.Fingerprint];

    /// <inheritdoc/>
    public override string Subject => string.Create(CultureInfo.InvariantCulture, $"{Noun} of {Result.shape[0]:N0} numbers on ") +
        string.Create(CultureInfo.InvariantCulture, $"{Images.Name}, {Training.Channels}x{Training.Side}x{Training.Side}") +
        (Classes > 0 ? $", {Classes} classes" : "");

    /// <summary>What is trained, with its article.</summary>
    private protected abstract string Noun { get; }

    internal override RandomSource Random { get; }

    /// <summary>Images [count,C,H,W] in [0,1] that a network with these parameters draws; one seed gives the same ones.</summary>
    /// <param name="parameters">As many as <see cref="TrainingTask.Result"/> has.</param>
    /// <param name="labels">[count]; null where there are no classes.</param>
    /// <param name="random">Of latents and noise.</param>
    private protected abstract Tensor Drawn(Tensor parameters, int count, Tensor? labels, RandomSource random);

    /// <summary>Images of the network as it is now, the same latents each time: [count,C,H,W] in [0,1].</summary>
    public float[] Samples(int count) => Samples(Result, count);

    /// <summary>The same of the best network of a trainer.</summary>
    public float[] Samples(Trainer trainer, int count) => Samples(trainer.BestResult, count);

    private float[] Samples(Tensor parameters, int count)
    {
        using var scope = Tidy.Scope();
        using var _ = no_grad();
        var labels = Classes > 0 ? arange(count).remainder(Classes) : null;
        return Drawn(parameters, count, labels, Random.Derive("samples")).contiguous().data<float>().ToArray();
    }

    /// <summary>The random-feature Fréchet distance of the network's images, in the classes of the data, from the data.</summary>
    /// <param name="parameters">Of the network.</param>
    /// <param name="count">How many images are drawn.</param>
    private protected double Distance(Tensor parameters, int count)
    {
        using var _ = no_grad();
        var stream = Random.Derive("distance");
        return distance.Value.To(count, (first, number) => Drawn(parameters, (int)number,
            Classes > 0 ? Images.At(first % Math.Max(1, Images.Count - number + 1), number).Labels : null, stream.Derive("batch", first)));
    }

    /// <summary>The same for the best network of a trainer.</summary>
    /// <param name="trainer">Of this task.</param>
    /// <param name="count">How many images are drawn.</param>
    public double Distance(Trainer trainer, int count) => Distance(trainer.BestResult, count);

    /// <summary>The distance of one gray image, as often as is asked for.</summary>
    /// <param name="count">How many images.</param>
    public double Gray(int count) =>
        distance.Value.To(count, (_, number) => full([number, Training.Channels, Training.Side, Training.Side], 0.5));

    /// <summary>The distance of other images of the data, as far as there are enough: what a perfect network would have.</summary>
    /// <param name="count">How many images.</param>
    public double Floor(int count)
    {
        var there = Math.Min(count, Images.Count);
        return distance.Value.To(there, (first, number) => Images.At(Images.Count - there + first, number).Images);
    }

    /// <summary>The images that are not trained on, and their labels.</summary>
    private protected (Tensor Images, Tensor Labels) HeldOutImages() => Images.At(Used, HeldOut);

    /// <summary>What the distance is called: it is no FID.</summary>
    public const string DistanceName = "random-feature Fréchet distance";

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        Images.Dispose();
        if (distance.IsValueCreated)
            distance.Value.Dispose();
    }
}
