using Afterimage.UpdateFiles;
using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;

namespace Afterimage.Audit.Clients;

/// <summary>
/// A client that sent a file. What is null here the side-car beside the file says (docs/update-files.md); what neither says
/// is asked for in one sentence.
/// </summary>
public sealed record RecordedUpdate : ClientSource
{
    private static readonly ValueList<string> ImageNames = ["images", "x", "arr_0"];

    /// <summary>The file: torch.save, .npz, .safetensors or another that docs/update-files.md lists.</summary>
    public required string Update { get; init; }

    /// <summary>
    /// The weights before the round, to be subtracted from absolute weights; null subtracts the model's own. A model that is given
    /// without weights takes these.
    /// </summary>
    public string? Before { get; init; }

    /// <summary>What the file's numbers are; null finds it out: an update that is practically the model is weights.</summary>
    public UpdateContent? UpdateKind { get; init; }

    /// <summary>The JSON that describes it; null looks beside the file.</summary>
    public string? Sidecar { get; init; }

    /// <summary>
    /// Arrays "images" [B,C,H,W] in [0,1] and "labels" [B], or the targets [B,outputs] of another loss, for an auditor who has the truth.
    /// </summary>
    public string? Truth { get; init; }

    /// <summary>The shape of one image.</summary>
    public ImageShape? Input { get; init; }

    /// <summary>Classes that the model tells apart.</summary>
    [Range(1, 1_000_000)]
    public int? Classes { get; init; }

    /// <summary>Images in the batch; where nobody says, the attacker estimates it.</summary>
    [Range(1, 65_536)]
    public int? BatchSize { get; init; }

    /// <inheritdoc/>
    public override int? ExpectedBatch() => BatchSize;

    /// <summary>The local training behind the update; an update that nobody describes is taken for one gradient.</summary>
    public LocalTraining? Training { get; init; }

    /// <summary>What the training lowered, where nothing else of it is known; null finds it out.</summary>
    public Loss? Loss { get; init; }

    /// <summary>The model's mode while the client trained, where nothing else of its training is known; null is eval.</summary>
    public ModelMode? Mode { get; init; }

    /// <summary>What the client is known to have done to its update before it sent it.</summary>
    public Defense Defense { get; init; } = new None();

    /// <summary>The labels, where they are known; the threat model decides whether the attacker knows them too.</summary>
    [Range(0, 1_000_000)]
    public ValueList<int>? Labels { get; init; }

    /// <inheritdoc/>
    public override ClientRound Open(
        ModelSource model, int trial, RandomSource random, Device device, Action<Phase>? watch = null)
    {
        Settings.Check(this);
        watch?.Invoke(new("reads the update"));
        var file = UpdateFile.Read(Update, Sidecar);
        var said = file.Description ?? new UpdateDescription();
        var (input, classes, inferred) = Shapes(model, said);
        var truth = Truth is null ? null : ReadTruth(Truth, input, classes);
        var batch = BatchSize ?? said.BatchSize ?? truth?.Count ?? 0;
        if (truth is not null && truth.Count != batch)
            throw new AfterimageException($"{Truth} holds {truth.Count} images, but the batch size is {batch}: correct one of them.");
        var labels = Labels ?? said.Labels ?? truth?.Labels;
        if (labels is { } told && ((batch > 0 && told.Count != batch) || told.Any(label => label < 0 || label >= classes)))
            throw new AfterimageException($"{Update} is said to have the labels {told}: give {batch} labels between 0 and {classes - 1}.");
        var before = Before ?? said.Weights;
        var training = Training ?? said.Training
            ?? (Loss is null && Mode is null ? null : new FedSgd { Loss = Loss ?? new CrossEntropy(), Mode = Mode ?? ModelMode.Eval });
        watch?.Invoke(new("opens the model"));
        var victim = (model with { Normalization = model.Normalization ?? said.Normalization, Weights = model.Weights ?? before })
            .Open(input, classes, random.Derive("model"), ScalarType.Float32, device);
        try
        {
            var defense = (Defense is None && said.Defense is { } known ? known : Defense).Known(victim);
            watch?.Invoke(new("compares the update with the model"));
            var sent = new SentUpdate(file, victim, new(UpdateKind, before, training, said.Statistics, batch, defense != Channel.None));
            watch?.Invoke(new("opens public images"));
            return new()
            {
                Model = victim,
                Update = sent.Update,
                Training = sent.Training,
                Difference = sent.Difference,
                DifferenceChannel = PartialUpdate.Of(sent.DifferenceChannel, victim.Layout, sent.Unsent),
                IsDescribed = (Training ?? said.Training) is not null,
                IsLossDescribed = training is not null && (Training is not null || said.Training is not null || Loss is not null),
                Channel = PartialUpdate.Of(defense == Channel.None ? sent.Channel : defense, victim.Layout, sent.Unsent),
                BatchStatistics = sent.BatchStatistics,
                RunningStatistics = sent.RunningStatistics,
                SendsStatistics = said.Statistics is null,
                Reading = [.. inferred, .. sent.Notes],
                BatchSize = batch,
                Labels = labels,
                Truth = truth,
                PublicImages = Public is null && !DeadLeaves.CanHave(input)
                    ? new(input, []) : PublicImages(Public ?? new DeadLeaves { Shape = input }, input, random),
                KnownImages = Known(Public?.Open() ?? DataAtHand.Of(input)),
                ClassNames = truth?.ClassNames ?? Names(classes),
            };
        }
        catch
        {
            victim.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override string? Fault(ModelSource model) => model is Architecture { Weights: null } && Before is null && SaidWeights() is null
        ? $"{Update} was computed on weights that nobody gave, and {Catalog.Kind(model.GetType())} by itself has random ones: " +
            "add the weights before the round with --weights FILE, or give the model of the round as a TorchScript file with --model FILE."
        : null;

    /// <summary>The weights before the round as the side-car names them; a side-car at fault says so when it is opened.</summary>
    private string? SaidWeights()
    {
        try
        {
            return (Sidecar ?? UpdateDescription.PathFor(Update)) is var path && File.Exists(path)
                ? UpdateDescription.Read(path).Weights : null;
        }
        catch (AfterimageException)
        {
            return null;
        }
    }

    /// <summary>Shape and classes: as they are given, else from the side-car, the truth or the file of the model.</summary>
    private (ImageShape Input, int Classes, ValueList<string> Inferred) Shapes(ModelSource model, UpdateDescription said)
    {
        var input = Input ?? said.Input ?? TruthShape();
        var classes = Classes ?? said.Classes;
        var known = input is null || classes is null ? model.Shapes(input) : ModelShapes.Unknown;
        ValueList<string> inferred = input is null && known.Input is { } shape
            ? [$"nobody said the shape of an image, and {shape} is the only usual one that the model takes (otherwise say --input)"] : [];
        return (input ?? known.Input ?? throw Missing("the shape of one image", $"--input {known.Channels ?? 3}x32x32", "input"),
            classes ?? known.Classes ?? throw Missing("the number of classes", "--classes 10", "classes"), inferred);
    }

    private ImageShape? TruthShape() => Truth is { } path
        && ArrayFile.Read(path).Arrays.FirstOrDefault(array => ImageNames.Contains(array.Name)) is { Shape: [_, var c, var h, var w] }
        ? new((int)c, (int)h, (int)w) : null;

    private AfterimageException Missing(string what, string flag, string field) =>
        new($"{Update} comes without {what}: say it with {flag}, or as \"{field}\" in {UpdateDescription.PathFor(Update)}.");

    private static ValueList<string> Names(int classes) => Enumerable.Range(0, classes).Select(c => $"class {c}").ToValueList();

    private static PrivateBatch ReadTruth(string path, ImageShape input, int classes)
    {
        var arrays = ArrayFile.Read(path);
        var images = Named(ImageNames);
        var labels = Named("labels", "y", "arr_1");
        if (images.Shape.Count != 4 || !images.Shape.Skip(1).SequenceEqual([input.Channels, input.Height, input.Width]))
            throw new AfterimageException($"{path}: \"{images.Name}\" has shape {images.Shape}, but images of {input} need " +
                $"[batch,{input.Channels},{input.Height},{input.Width}].");
        var targets = TrueTargets.Read(path, labels, (int)images.Shape[0], classes);
        return new(input, [.. images.ToSingle().Chunk(input.Count)], targets.Labels, Names(classes)) { Soft = targets.Targets };

        NamedArray Named(params ValueList<string> names) => arrays.Arrays.FirstOrDefault(array => names.Contains(array.Name))
            ?? throw new AfterimageException(
                $"{path} has no array \"{names[0]}\"; it has {string.Join(", ", arrays.Arrays.Select(array => array.Name))}.");
    }
}
