using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Networks;

/// <summary>
/// The training of a network from updates to images (Wu et al., 2023): pairs of both are made on the way, the squared error is that of the
/// best matching within a batch, and what is kept is the network that is best on held-out images.
/// </summary>
[Cites("wu2023learning", "kuhn1955hungarian", "kingma2015adam")]
public sealed class InverterTask : TrainingTask
{
    private const int MostHeldOut = 256, Calibrating = 256;
    private readonly InverterTraining training;
    private readonly IReadOnlyList<VictimModel> models;
    private readonly TrainingImages images;
    private readonly UpdatePairs pairs, unseen;
    private readonly InverterNetwork network;
    private readonly InverterFile file;
    private readonly TrainedVector weights;
    private readonly List<(Tensor Updates, Tensor Truth)> heldOut = [];
    private readonly int used;

    private InverterTask(InverterTraining training, IReadOnlyList<VictimModel> models, TrainingImages images, Inverter? from)
    {
        (this.training, this.models, this.images) = (training, models, images);
        Random = new RandomSource(training.Seed).Derive("inverter");
        used = images.Count - Math.Min(MostHeldOut, images.Count / 10);
        using var scope = Tidy.Scope();
        var shape = from?.Shape ?? training.Shape(Model.Input.Channels, Model.Input.Width);
        Numerics.Settings.Check(shape);
        pairs = new(models.Take(training.Victims), training.Defense, shape);
        unseen = new(models.Skip(models.Count - 1), training.Defense, shape);
        network = shape.Network(pairs.Widths);
        var channel = PartialUpdate.Of(training.Defense.Known(Model), Model.Layout, Model.Frozen);
        var print = ModelFingerprint.Of(Model);
        file = new(shape, pairs.Widths, training.Victims == 1 ? print : print with { Weights = "" }, channel.Description,
            from?.Origin.Scale.Copy() ?? Scale());
        weights = new("inverter", from?.Weights.clone() ?? network.Initial(Random.Derive("weights")), beta1: 0.9, training.Averaging);
        for (var count = 1; count <= training.Batch; count++)
        {
            var number = (images.Count - used) / count;
            var (truth, labels) = images.At(used, number * count);
            heldOut.Add(Pair(unseen, truth, labels, count, Random.Derive("held out", count)));
            heldOut[^1].Updates.DetachFromDisposeScope();
            heldOut[^1].Truth.DetachFromDisposeScope();
        }
        MeanImage = Decibels((images.At(0, Math.Min(used, 5000)).Images.mean([0]) - heldOut[0].Truth).square().mean().ToDouble());
    }

    /// <summary>Reads the images and draws the initial network.</summary>
    /// <param name="training">Settings.</param>
    /// <param name="models">
    /// Whose updates are inverted: one model, or as many of one architecture as the training has victims and one more, whose updates of
    /// held-out images choose the network. The task takes them over.
    /// </param>
    /// <param name="set">The images to learn from.</param>
    /// <param name="cancellation">Stops the reading.</param>
    /// <exception cref="AfterimageException">
    /// A setting is out of its range, the images are too few, or the model takes other than square ones.
    /// </exception>
    public static InverterTask Open(InverterTraining training, IReadOnlyList<VictimModel> models, ImageSet set,
        CancellationToken cancellation = default)
    {
        Numerics.Settings.Check(training);
        if (models.Count != (training.Victims == 1 ? 1 : training.Victims + 1))
            throw new ArgumentException($"{models.Count} models for {training.Victims} victims.", nameof(models));
        var input = models[0].Input;
        if (input.Height != input.Width)
            throw new AfterimageException($"An inverter draws square images, and the model takes {input}: choose a square size.");
        using var from = training.From is null ? null : Inverter.Load(training.From);
        if (from is not null && from.Origin.Model.Architecture != ModelFingerprint.Of(models[0]).Architecture)
            throw new AfterimageException($"{training.From} was trained for another architecture than the model's: leave out --from.");
        if (from is not null)
            training = training.With(from.Shape);
        if (set.Count < 20 * training.Batch)
            throw new AfterimageException($"{set.Name} has {set.Count} images: give at least {20 * training.Batch} to learn from.");
        return new(training, models, new(set, input.Channels, input.Width, cancellation), from);
    }

    private VictimModel Model => models[0];

    /// <summary>PSNR in dB of the mean of the training images for one held-out image: what an inverter must exceed.</summary>
    public double MeanImage { get; }

    /// <inheritdoc/>
    public override int Steps => training.Steps ?? base.Steps;

    /// <inheritdoc/>
    public override double Minutes => training.Minutes ?? base.Minutes;

    /// <inheritdoc/>
    public override int Every => training.Every;

    /// <inheritdoc/>
    public override ValueList<double> Settings => [(double)training.Kind, training.Batch, training.Size, file.Shape.Hidden, training.Width,
        training.Images, training.Victims, training.Rate, training.Averaging, training.Every, training.Seed, images.Count,
        images.Fingerprint, Number(file.Model.Architecture), Number(file.Model.Weights), Number(file.Channel), Number(training.From ?? "")];

    /// <inheritdoc/>
    public override string Subject => string.Create(CultureInfo.InvariantCulture, $"an inverter ({Kind}) of ") +
        string.Create(CultureInfo.InvariantCulture, $"{network.Layout.Count:N0} numbers for {Model.Layout.Count:N0} of an update ") +
        string.Create(CultureInfo.InvariantCulture, $"{file.Channel}, {Given} {file.Widths.Sum():N0}{Known}, on {images.Name}");

    private string Given => training.Kind == InverterKind.Backprojection ? "carried back to" : "hashed to";

    private string Known => training.Victims == 1 ? ""
        : string.Create(CultureInfo.InvariantCulture, $", under {training.Victims:N0} weights");

    private string Kind => training.Kind.ToString().ToLowerInvariant();

    internal override RandomSource Random { get; }

    internal override IReadOnlyList<(string Name, Tensor Value)> State => [.. weights.State];

    internal override Tensor Result => weights.Average;

    internal override double Advance(int step, RandomSource stream)
    {
        var count = 1 + stream.Derive("count").Managed().Next(training.Batch);
        var number = Math.Max(1, training.Images / count);
        var (drawn, classes) = images.Draw(number * count, used, stream.Derive("images"));
        var (updates, truth) = Pair(pairs, drawn, classes, count, stream);
        var leaf = weights.Leaf();
        var loss = SetLoss.Of(network.Images(new(network.Layout, leaf, isOwner: false), updates, count), truth);
        weights.Step(Differentiate.Gradients(loss, [leaf])[0], training.Rate, step);
        return loss.ToDouble();
    }

    /// <summary>What the network is given of batches of one size, [N,Size], and their images [N,count,C,S,S].</summary>
    private (Tensor Updates, Tensor Truth) Pair(UpdatePairs clients, Tensor drawn, Tensor classes, int count, RandomSource random)
    {
        var truth = drawn.view(-1, count, Model.Input.Channels, Model.Input.Height, Model.Input.Width);
        return (file.Scale.Of(Readings(clients, truth, classes, random)), truth);
    }

    private Tensor Readings(UpdatePairs clients, Tensor truth, Tensor classes, RandomSource random)
    {
        if (images.Classes != Model.Classes)
        {
            // Images without the model's classes get labels that say nothing of them.
            using var generator = random.Derive("labels").Generator(CPU);
            classes = randint(0, Model.Classes, classes.shape, ScalarType.Int64, CPU, generator: generator);
        }
        return clients.Of(truth, classes.view(truth.shape[0], truth.shape[1]), random.Derive("clients"));
    }

    /// <summary>Mean and deviation of every number that the network is given over the first updates, all batch sizes alike.</summary>
    private SketchScale Scale()
    {
        var stream = Random.Derive("scale");
        var readings = Enumerable.Range(1, training.Batch).Select(count => Tidy.Keep(() =>
        {
            var number = Math.Max(2, Calibrating / training.Batch);
            var (drawn, classes) = images.Draw(number * count, used, stream.Derive("images", count));
            return Readings(pairs, drawn.view(-1, count, Model.Input.Channels, Model.Input.Height, Model.Input.Width), classes,
                stream.Derive("clients", count));
        }));
        return SketchScale.Measured(cat([.. readings], 0));
    }

    internal override double Validate() => Errors(Result).Average(Decibels);

    /// <inheritdoc/>
    public override string Measure => training.Batch == 1 ? "held-out images" : $"held-out batches of 1 to {training.Batch} images";

    /// <inheritdoc/>
    public override string Figure(double quality) => string.Create(CultureInfo.InvariantCulture, $"{quality:F2} dB");

    /// <summary>PSNR in dB of the best network on held-out images, for batches of 1, 2, ... images.</summary>
    public ValueList<double> Quality(Trainer trainer) => Quality(trainer.BestResult);

    private ValueList<double> Quality(Tensor parameters)
    {
        using var scope = Tidy.Scope();
        return Errors(parameters).Select(Decibels).ToValueList();
    }

    /// <summary>Mean squared errors on held-out images, for batches of 1, 2, ... images.</summary>
    private double[] Errors(Tensor parameters)
    {
        using var _ = no_grad();
        return [.. heldOut.Select((pair, i) => SetLoss.Of(Made(parameters, pair.Updates, i + 1), pair.Truth).ToDouble())];
    }

    private Tensor Made(Tensor parameters, Tensor updates, int count) =>
        network.Images(new(network.Layout, parameters, isOwner: false), updates, count);

    /// <summary>
    /// Held-out images over what the network, as it is now, makes of their updates: rows of one and of the other in turn, pixels
    /// [2 rows,columns,C,S,S] in [0,1].
    /// </summary>
    public float[] Samples(int rows, int columns) => Samples(Result, rows, columns);

    /// <summary>The same of the best network of a trainer.</summary>
    public float[] Samples(Trainer trainer, int rows, int columns) => Samples(trainer.BestResult, rows, columns);

    private float[] Samples(Tensor parameters, int rows, int columns)
    {
        using var scope = Tidy.Scope();
        using var _ = no_grad();
        // The largest batches: a network for more than one image shows what it does with them.
        var (updates, truth) = heldOut[^1];
        var made = Made(parameters, updates, training.Batch);
        var (real, found) = (SetLoss.Matched(made, truth).flatten(0, 1), made.flatten(0, 1));
        var places = arange(rows * columns).remainder(real.shape[0]);
        Tensor Rows(Tensor all) => all.index_select(0, places).view(rows, 1, columns, -1);
        return cat([Rows(real), Rows(found)], 1).contiguous().data<float>().ToArray();
    }

    internal override void Save(Tensor result, string path) => file.Write(path, network.Layout, result, MeanImage, Quality(result));

    private static double Decibels(double squaredError) => -10 * Math.Log10(squaredError);

    /// <summary>A number that other words are unlikely to have.</summary>
    private static double Number(string words) => BinaryPrimitives.ReadUInt32LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(words)));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        foreach (var (updates, truth) in heldOut)
        {
            updates.Dispose();
            truth.Dispose();
        }
        file.Dispose();
        weights.Dispose();
        pairs.Dispose();
        unseen.Dispose();
        images.Dispose();
        foreach (var model in models)
            model.Dispose();
    }
}
