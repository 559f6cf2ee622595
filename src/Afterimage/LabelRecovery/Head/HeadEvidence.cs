using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

/// <summary>
/// The head and its part of the update as plain numbers in double precision, on the scale of a mean gradient. Read once for an
/// observation; what is damaged or missing is refused here in a sentence, before any arithmetic sees it.
/// </summary>
internal sealed class HeadEvidence
{
    /// <summary>Largest relative error of a number in single precision.</summary>
    private const double Rounding = 6e-8;

    /// <summary>The share of an entry that sums over classes leave where the loss is another one.</summary>
    private const double NotSoftmax = 0.1;

    private readonly double[]? biasGradient;
    private readonly double rounding;
    private readonly double added;
    private readonly double defect;

    private HeadEvidence(AttackContext context)
    {
        var (model, observation) = (context.Model, context.Observation);
        if (observation.Training.Loss.HeadObstacle is { } obstacle)
            throw new AfterimageException(obstacle);
        var (weight, bias) = model.Head
            ?? throw new AfterimageException($"No parameter of the model has {model.Classes} rows, so there is no head to read labels " +
                "from: use \"joint\", or check the number of classes.");
        if (observation.BatchSize < 1)
            throw new AfterimageException($"A batch of {observation.BatchSize} images has no labels: " +
                "give the client's batch size, or let it be estimated.");
        foreach (var place in bias is { } second ? [weight, second] : (int[])[weight])
            if (!observation.Update.Layout.Entries[place].Shape.SequenceEqual(model.Layout.Entries[place].Shape))
                throw new AfterimageException($"The update's {model.Layout.Entries[place].Name} has shape " +
                    $"[{string.Join(",", observation.Update.Layout.Entries[place].Shape)}], the model's " +
                    $"[{string.Join(",", model.Layout.Entries[place].Shape)}]: the update is not of this model.");
        if (observation.Channel.Lacks(observation.Update, weight) || observation.Channel.Lacks(observation.Update, bias ?? weight))
            throw new AfterimageException($"The update does not hold the whole head ({model.Layout.Entries[weight].Name}), from which " +
                "labels are read: give the labels, or use \"joint\".");
        using var scope = Tidy.Scope();
        (Classes, Features) = (model.Classes, (int)model.Layout.Entries[weight].Shape[1]);
        (Weight, WeightChange) = (Numbers(model.Parameters[weight]), Numbers(observation.Update[weight]));
        BiasValues = bias is { } b ? Numbers(model.Parameters[b]) : new double[Classes];
        BiasChange = bias is { } place2 ? Numbers(observation.Update[place2]) : null;
        (Batch, Training) = (observation.BatchSize, observation.Training);
        if (!WeightChange.Concat(BiasChange ?? []).All(double.IsFinite))
            throw new AfterimageException("The update of the head holds NaN or infinity, so no label can be read: the client's training " +
                "diverged, or the file is damaged. Ask for another round, or a lower learning rate.");
        var factor = Training.GradientFactor(Batch);
        if (factor == 0 || !double.IsFinite(factor))
            throw new AfterimageException(
                $"The local training says that nothing was learned (rate times steps is {factor}): correct its learning rate.");
        WeightGradient = [.. WeightChange.Select(value => value / factor)];
        biasGradient = BiasChange?.Select(value => value / factor).ToArray();
        IsZero = WeightGradient.All(value => value == 0) && (biasGradient is null || biasGradient.All(value => value == 0));
        IsGradient = Training.Kind == UpdateKind.Gradient;
        var largest = (biasGradient ?? WeightGradient).Max(Math.Abs);
        rounding = IsGradient ? Rounding * largest
            : 2 * Rounding * (bias is null ? Weight : BiasValues).Max(Math.Abs) / Math.Abs(factor) + Rounding * largest;
        var (channel, read) = (observation.Channel, bias ?? weight);
        var (deviation, withheld) = (channel.Deviation(observation.Update, read), channel.Withheld(observation.Update, read));
        added = Math.Sqrt(deviation * deviation + withheld * withheld) / Math.Abs(factor);
        defect = AddsUp(Training) ? Defect() : 0;
        // Sums over classes miss what was left out, which says nothing of the numbers that arrived.
        SentNoise = withheld > 0 ? Math.Max(rounding, deviation / Math.Abs(factor)) : Noise;
        Contradiction = added > 0 ? null : Against();
    }

    public static HeadEvidence Of(AttackContext context) => context.Once(found => new HeadEvidence(found));

    public int Classes { get; }

    public int Features { get; }

    /// <summary>Images, as known or estimated.</summary>
    public int Batch { get; }

    public LocalTraining Training { get; }

    /// <summary>Whether the update is a gradient, so that sign rules hold exactly.</summary>
    public bool IsGradient { get; }

    /// <summary>Whether every number of the head's update is zero.</summary>
    public bool IsZero { get; }

    /// <summary>
    /// Error of an entry of the bias gradient: rounding, what the channel adds or leaves out, and what is seen of an undeclared one.
    /// </summary>
    public double Noise => Math.Max(rounding, Math.Max(added, defect));

    /// <summary>Error of an entry of the bias gradient that is not zero, so that it surely arrived.</summary>
    public double SentNoise { get; }

    /// <summary>Whether noise was added or numbers left out, declared or not, so that no equation holds exactly.</summary>
    public bool IsNoisy => added > 0 || defect > 100 * rounding;

    /// <summary>Why no batch of this size leaves this gradient under cross-entropy, one sentence; null where one may.</summary>
    public string? Contradiction { get; }

    /// <summary>[C,features] row by row.</summary>
    public double[] Weight { get; }

    /// <summary>[C]; zeros for a head without a bias.</summary>
    public double[] BiasValues { get; }

    /// <summary>What the client sent for the weight.</summary>
    public double[] WeightChange { get; }

    /// <summary>What the client sent for the bias; null without one.</summary>
    public double[]? BiasChange { get; }

    /// <summary>[C,features] row by row.</summary>
    public double[] WeightGradient { get; }

    public bool HasBias => biasGradient is not null;

    /// <summary>The gradient of the bias, [C].</summary>
    /// <exception cref="AfterimageException">The head has none.</exception>
    public double[] Bias(string rule) => biasGradient
        ?? throw new AfterimageException($"The rule {rule} needs a head with a bias, and this model's has none: use \"refined-counts\", " +
            "\"row-sums\", \"idlg\" (batch size 1) or \"joint\".");

    /// <summary>The sum of each row of the weight gradient.</summary>
    public double[] RowSums() => [.. WeightGradient.Chunk(Features).Select(row => row.Sum())];

    /// <summary>
    /// The bias gradient, or for a head without one its stand-in: the weight gradient along a direction of length 1 / |mean feature|,
    /// along which features are about 1.
    /// </summary>
    public double[] Signal(double[] along) => biasGradient
        ?? [.. Enumerable.Range(0, Classes).Select(c => TensorPrimitives.Dot(WeightGradient.AsSpan(c * Features, Features), along))];

    /// <summary>Logits of features.</summary>
    public double[] Logits(ReadOnlySpan<double> features)
    {
        var logits = (double[])BiasValues.Clone();
        for (var c = 0; c < Classes; c++)
            logits[c] += TensorPrimitives.Dot(Weight.AsSpan(c * Features, Features), features);
        return logits;
    }

    /// <summary>Whether an update of the head sums to zero over the classes: softmax does, and plain SGD keeps it.</summary>
    private static bool AddsUp(LocalTraining training) => training switch
    {
        FedAvg average => average.Optimizer is Sgd { WeightDecay: 0 },
        Aggregate aggregate => AddsUp(aggregate.Local),
        _ => true,
    };

    /// <summary>The error of one number that is seen in the sums over classes, which softmax makes zero.</summary>
    private double Defect()
    {
        var sums = new double[Features];
        for (var c = 0; c < Classes; c++)
            TensorPrimitives.Add(sums, WeightGradient.AsSpan(c * Features, Features), sums);
        var weights = TensorPrimitives.Norm<double>(sums) / Math.Sqrt((double)Classes * Features);
        return biasGradient is null ? weights : Math.Max(weights, Math.Abs(biasGradient.Sum()) / Math.Sqrt(Classes));
    }

    private string? Against()
    {
        if (IsZero || biasGradient is null || Classes == 1)
            return null;
        var size = Math.Sqrt(TensorPrimitives.Dot(biasGradient, biasGradient) / Classes);
        if (defect > NotSoftmax * size)
            return "The head's update does not add up to zero over the classes, as cross-entropy over softmax would leave it: it is of " +
                "another loss (--loss), noise was added, or it is no update but weights.";
        var negative = biasGradient.Count(entry => entry < -10 * Noise);
        if (AddsUp(Training) && negative > Batch)
            return $"The head's update is negative at {negative} of {Classes} classes, which {Batch} image{(Batch == 1 ? "" : "s")} " +
                "cannot cause: it may be a weight difference (--local-training), or of a larger batch (--batch).";
        return IsGradient && biasGradient.Any(entry => Math.Abs(entry) > 1 + 10 * Noise)
            ? "The head's gradient has an entry beyond 1, which a mean over images cannot have: it may be a sum, or scaled." : null;
    }

    private static double[] Numbers(Tensor values) => values.detach().to(ScalarType.Float64).cpu().contiguous().data<double>().ToArray();
}
