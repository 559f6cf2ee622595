using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics.Arrays;

namespace Afterimage.UpdateFiles;

/// <summary>
/// What an update file turns out to be when it is held against the model: weights, a difference or a gradient, in which mode the client
/// trained, and what BatchNorm saw. Whatever was not said is found out, and told in <see cref="Notes"/>.
/// </summary>
public sealed class SentUpdate
{
    /// <summary>
    /// An update whose distance from the weights is below this share of their norm is the weights: a gradient or a difference is about
    /// as far from them as they are large.
    /// </summary>
    private const double Near = 0.5;

    /// <summary>Weights that are closer than this are the same but for rounding to float32.</summary>
    private const double Same = 1e-6;

    /// <summary>Of BatchNorm's running statistics, where nobody changed it.</summary>
    private const double UsualMomentum = 0.1;

    private readonly List<string> notes = [];

    /// <summary>Whether the running statistics in the file are those after the round rather than their change.</summary>
    private readonly bool areAbsolute;

    /// <summary>Reads a file.</summary>
    /// <param name="file">The client's.</param>
    /// <param name="model">The shared model before the round.</param>
    /// <param name="said">What is known of the file.</param>
    /// <exception cref="AfterimageException">The file is not this model's, or contradicts what is said of it.</exception>
    public SentUpdate(UpdateFile file, VictimModel model, UpdateFacts said)
    {
        using var scope = Tidy.Scope();
        var buffers = model.Buffers.Select(buffer => (buffer.Key, buffer.Value.shape)).ToList();
        var sent = file.Match(model.Layout, ScalarType.Float64, CPU, buffers);
        Unsent = file.Unsent(model.Layout, buffers);
        var own = new GradientSet(model.Layout, empty([model.Layout.Count], ScalarType.Float64, CPU));
        foreach (var (place, weights) in own.Split().Zip(model.Parameters))
            place.copy_(weights.detach());
        var before = said.Before is null ? own : UpdateFile.Plain(said.Before).Match(model.Layout, ScalarType.Float64, CPU, buffers);
        if (Distance(before, own) > Same)
            throw ArrayFault.File(said.Before!,
                "holds other weights than the model, which must have those before the round: correct one of them");
        // What was not sent has not moved as far as anybody sees.
        foreach (var name in Unsent)
            before[model.Layout.IndexOf(name)].zero_();
        var statistics = new FileStatistics(file.Content, model.Layout, buffers);
        areAbsolute = statistics.IsWhole
            && AreAbsolute(statistics.Read(file.Path, ScalarType.Float64, CPU), LayerStatistics.Running(model));
        var content = Content(file, sent, before, statistics, said);
        Training = content is UpdateContent.Gradient || (said.Training is not null and not FedSgd) ? said.Training ?? new FedSgd()
            : new HiddenTraining { Mode = said.Training?.Mode ?? ModelMode.Eval, Loss = said.Training?.Loss ?? new CrossEntropy() };
        var update = sent;
        var isInteger = file.IsInteger(model.Layout, buffers);
        if (isInteger && content == UpdateContent.Weights)
            throw ArrayFault.File(file.Path, "holds weights in 8-bit integers without their scales, from which no weights before can be " +
                "subtracted: multiply each tensor by its scale and export float32");
        if (isInteger)
        {
            update = TensorScales.Divided(sent);
            notes.Add("8-bit integers without their scales, so each tensor is compared up to a factor of its own; an update multiplied " +
                "by its scales tells more");
        }
        if (content == UpdateContent.Weights)
        {
            update = new(model.Layout, sent.Flat - before.Flat);
            if (update.Norm() == 0)
                throw ArrayFault.File(file.Path,
                    "holds exactly the weights before the round: give the file that the client made after training");
        }
        Read(file, model, said, content, statistics);
        var scale = 1.0;
        if (content != UpdateContent.Gradient && !said.IsDefended && !isInteger && OneStep(said.BatchSize) is { } step)
        {
            DifferenceChannel = WeightFormat.Rounding(file, sent, update, 1);
            Difference = update.To(model.Type, model.Device).Detach();
            scale = -1 / (step.LearningRate * step.Optimizer.Gain(1));
            update = new(model.Layout, update.Flat * scale - before.Flat * ((Sgd)step.Optimizer).WeightDecay);
            Training = new FedSgd { Mode = Training.Mode, Loss = Training.Loss };
        }
        Channel = isInteger ? TensorScales.Of(sent) : WeightFormat.Rounding(file, sent, update, scale);
        Update = update.To(model.Type, model.Device).Detach();
        Unsent = [.. Unsent, .. model.Frozen.Where(name => Update[model.Layout.IndexOf(name)].eq(0).all().ToBoolean()).Except(Unsent)];
        (_, _) = (BatchStatistics?.Detach(), RunningStatistics?.Detach());
    }

    /// <summary>A gradient, or weights after minus weights before; the caller owns it.</summary>
    public GradientSet Update { get; }

    /// <summary>
    /// Weights after minus weights before, where <see cref="Update"/> is the gradient that one known step made it of; otherwise null. The
    /// caller owns it.
    /// </summary>
    public GradientSet? Difference { get; }

    /// <summary>What rounding to the file's number format left of the difference.</summary>
    public Channel DifferenceChannel { get; } = Channel.None;

    /// <summary>Names of the model's parameters that the client did not send: frozen layers, or all but what it shares.</summary>
    public ValueList<string> Unsent { get; }

    /// <summary>The local training behind it, in the mode that the statistics show.</summary>
    public LocalTraining Training { get; private set; }

    /// <summary>What rounding to the file's number format left of the update.</summary>
    public Channel Channel { get; }

    /// <summary>The batch's statistics, where they follow from the file; the caller owns them.</summary>
    public LayerStatistics? BatchStatistics { get; private set; }

    /// <summary>The running statistics after the round, where the file holds them; the caller owns them.</summary>
    public LayerStatistics? RunningStatistics { get; private set; }

    /// <summary>What was found out of the file, one sentence each without a period.</summary>
    public ValueList<string> Notes => notes.ToValueList();

    /// <summary>Local training that is one step of SGD, whose difference is a gradient to everyone who knows the rate.</summary>
    private FedAvg? OneStep(int batch) =>
        batch > 0 && Training is FedAvg { Epochs: 1, Optimizer: Sgd, LearningRate: > 0 } average && average.StepsOf(batch) == 1
            ? average : null;

    private UpdateContent Content(UpdateFile file, GradientSet sent, GradientSet before, FileStatistics statistics, UpdateFacts said)
    {
        var distance = Distance(sent, before);
        var isDescribed = said.Statistics is not null || said.Training is not null and not FedSgd;
        var content = said.Content ?? (said.Before is not null || distance < Near ? UpdateContent.Weights
            : statistics.Steps is not null && !areAbsolute && !isDescribed ? UpdateContent.Difference
            : said.Training is null or { Kind: UpdateKind.Gradient } ? UpdateContent.Gradient : UpdateContent.Difference);
        if (content == UpdateContent.Gradient && said.Training is { Kind: not UpdateKind.Gradient })
            throw ArrayFault.File(file.Path,
                "is said to be a gradient, but its local training leaves a weight difference: correct one of them");
        if (content == UpdateContent.Weights)
            notes.Add(FormattableString.Invariant($"absolute weights, {100 * distance:G3} % of their norm away from ") +
                (said.Before is null ? "the model's own, which were subtracted" : "those before the round, which were subtracted") +
                (said.Content is null && said.Before is null ? "; nobody said so, but a gradient does not resemble the weights" : ""));
        else if (content == UpdateContent.Difference && said.Content is null && !isDescribed)
            notes.Add("a difference of state dicts, for it holds BatchNorm's step counters, which a gradient has not");
        return content;
    }

    private void Read(UpdateFile file, VictimModel model, UpdateFacts said, UpdateContent content, FileStatistics statistics)
    {
        var kind = said.Statistics ?? content switch
        {
            UpdateContent.Weights => SentStatistics.After,
            _ when areAbsolute => SentStatistics.After,
            UpdateContent.Difference => SentStatistics.Difference,
            _ => (SentStatistics?)null,
        };
        if (kind is null || (said.Statistics is null && !statistics.IsWhole))
            return;
        var own = LayerStatistics.Running(model);
        var sent = statistics.IsWhole ? statistics.Read(file.Path, model.Type, model.Device)
            : file.Statistics(own.Names, model.Type, model.Device);
        if (kind == SentStatistics.Batch)
        {
            BatchStatistics = sent.Inferred(model, said.BatchSize, Training, momentum: 1);
            return;
        }
        var after = kind == SentStatistics.Difference ? sent.AddedTo(model) : sent;
        var steps = Steps(model, said, content, statistics);
        if (!own.Names.Any(layer => Moved(own[layer].Mean, after[layer].Mean) || Moved(own[layer].Variance, after[layer].Variance)))
        {
            if (Training.Mode == ModelMode.Eval)
                notes.Add("the running statistics did not move, so the model was in eval mode while the client trained");
            return;
        }
        if (Training.Mode == ModelMode.Eval)
            Training = Training with { Mode = ModelMode.Train };
        notes.Add("the running statistics moved, so BatchNorm used the batch's own while the client trained (train mode)");
        Infer(model, said, after, steps);
    }

    private void Infer(VictimModel model, UpdateFacts said, LayerStatistics after, long? steps)
    {
        LocalTraining? known = Training switch
        {
            FedSgd or FedAvg => Training,
            HiddenTraining when steps == 1 => new FedSgd(),
            _ => null,
        };
        if (known is null || model.Network is null || said.BatchSize < 1)
            return;
        RunningStatistics = known == Training ? after : null;
        if (Expected(known, said.BatchSize) != 1)
            return;
        BatchStatistics = after.Inferred(model, said.BatchSize, known);
        notes.Add("mean and variance of the batch in front of every BatchNorm layer follow from the running statistics and the momentum");
    }

    private long? Steps(VictimModel model, UpdateFacts said, UpdateContent content, FileStatistics statistics)
    {
        var buffers = model.Buffers.Select(buffer => (buffer.Key, buffer.Value.shape)).ToList();
        var before = content != UpdateContent.Weights && !areAbsolute ? 0 : said.Before is null ? null
            : new FileStatistics(UpdateFile.Plain(said.Before).Content, model.Layout, buffers).Steps;
        var steps = statistics.Steps - before;
        if (steps is null or < 1)
            return null;
        notes.Add($"BatchNorm's step counters say that the client took {steps} step{(steps == 1 ? "" : "s")}" +
            (Expected(Training, said.BatchSize) is { } expected && expected != steps
                ? $", where the local training makes {expected}, so that one of the two is wrong" : ""));
        return steps;
    }

    private static long? Expected(LocalTraining training, int batch) => training switch
    {
        FedSgd => 1,
        FedAvg average when batch > 0 => average.Epochs * ((batch + average.BatchSize - 1L) / average.BatchSize),
        _ => null,
    };

    private static double Distance(GradientSet numbers, GradientSet weights) =>
        ReferenceEquals(numbers, weights) ? 0 : numbers.Distance(weights) / weights.Norm();

    /// <summary>
    /// A change is as far from the model's own variances as these are large. The batch's own may be near, but are no average of those
    /// before and of any variances, which are not negative.
    /// </summary>
    private static bool AreAbsolute(LayerStatistics sent, LayerStatistics own)
    {
        using var scope = Tidy.Scope();
        var (left, size) = (0.0, 0.0);
        foreach (var layer in own.Names)
        {
            var variance = own[layer].Variance.to(ScalarType.Float64).cpu();
            var moved = sent[layer].Variance - variance;
            if ((variance + moved / UsualMomentum < -Same * variance).any().ToBoolean())
                return false;
            left += moved.square().sum().ToDouble();
            size += variance.square().sum().ToDouble();
        }
        return left < Near * Near * size;
    }

    private static bool Moved(Tensor before, Tensor after)
    {
        const double Rounding = 1e-6;
        return ((after - before).abs() > Rounding * (1 + before.abs())).any().ToBoolean();
    }
}

/// <summary>What is known of an update file before it is opened; whatever is null is found out.</summary>
/// <param name="Content">What its numbers are.</param>
/// <param name="Before">A file of the weights before the round; null takes the model's own.</param>
/// <param name="Training">How the client trained.</param>
/// <param name="Statistics">What the file's running statistics are.</param>
/// <param name="BatchSize">Images of the client; 0 where nobody said.</param>
/// <param name="IsDefended">Whether the client is known to have defended its update, so that it must stay as it was sent.</param>
public sealed record UpdateFacts(UpdateContent? Content, string? Before, LocalTraining? Training, SentStatistics? Statistics, int BatchSize,
    bool IsDefended = false);
