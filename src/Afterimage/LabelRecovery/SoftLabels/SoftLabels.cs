using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

/// <summary>
/// Soft labels, as label smoothing and mixup make them (Wang, Liang and He, 2024). A single image gives its label and feature in closed
/// form where the head has a bias, and by a search for one scale where it has none; every scale that fits is listed. Of a larger batch
/// only the sum of the labels is known: smoothing shows as a floor under all classes and leaves whole counts, anything else is split
/// among the images and left to the attack to refine.
/// </summary>
[Cites("wang2024towards")]
public sealed record SoftLabels : LabelRule
{
    private const double WholeCounts = 0.2;

    /// <summary>Entries of a label that may differ from the rest, which are alike, at most: 2 covers smoothing, mixup and both.</summary>
    [Range(1, 1000)]
    public int Strong { get; init; } = 2;

    /// <inheritdoc/>
    public override Labels Recover(AttackContext context)
    {
        var head = HeadEvidence.Of(context);
        if (Strong < 1)
            throw new AfterimageException($"A soft label has at least one strong entry; \"strong\" is {Strong}.");
        if (head.IsZero)
            throw new AfterimageException(
                "The head's update is zero: soft labels that the model predicts exactly leave no trace; ask for another round.");
        if (head.Batch > 1)
            return Sum(context, head);
        if (!head.IsGradient)
            throw new AfterimageException("Soft labels of a single image are read from one gradient, not from several local steps: " +
                "use \"refined-counts\" or \"joint\".");
        return head.HasBias ? WithBias(head) : WithoutBias(head);
    }

    /// <summary>Every label that a single image's weight gradient of a head without a bias allows, the best first.</summary>
    /// <param name="weight">[classes,features] row by row.</param>
    /// <param name="gradient">Of the weight, as large.</param>
    /// <param name="strong">Entries that may differ from the rest.</param>
    /// <returns>Labels, [classes] each, and whether each by itself fits and leaves no room for another.</returns>
    public static IReadOnlyList<(ValueList<double> Label, bool Fits)> OfRows(
        double[] weight, double[] gradient, int classes, int features, int strong = 2) =>
        [.. SoftScale.Find(weight, gradient, classes, features, strong).Solutions
            .Select(solution => (solution.Label.ToValueList(), solution is { Misfit: <= 1, IsProved: true }))];

    private static Labels WithBias(HeadEvidence head)
    {
        var error = head.Bias("soft-labels");
        var square = TensorPrimitives.Dot(error, error);
        var feature = new double[head.Features];
        for (var c = 0; c < head.Classes; c++)
            for (var f = 0; f < feature.Length; f++)
                feature[f] += error[c] * head.WeightGradient[c * head.Features + f] / square;
        var label = Softmax.Of(head.Logits(feature));
        for (var c = 0; c < label.Length; c++)
            label[c] -= error[c];
        return Told(
            [new(1, label, feature, 0, true)], "The head has a bias, whose gradient is p - y: label and feature follow in closed form.");
    }

    private Labels WithoutBias(HeadEvidence head)
    {
        var strong = Math.Min(Strong, head.Classes - 3);
        if (strong < 1)
            throw new AfterimageException($"A head without a bias and with {head.Classes} classes does not say its soft labels: " +
                "four classes or more are needed.");
        var (solutions, rest) = SoftScale.Find(head.Weight, head.WeightGradient, head.Classes, head.Features, strong);
        if (rest > 1e-2)
            throw new AfterimageException($"The head's gradient is no outer product (it leaves {rest:P1}), so the batch has more than " +
                "one image: give its size.");
        if (solutions.Count == 0)
            throw new AfterimageException("No scale of the feature gives the head's gradient a label: " +
                "check that model and update belong together.");
        return Told(solutions, solutions switch
        {
            [{ Misfit: > 1 and var misfit }] => "No scale of the feature gives a label whose other entries are alike; " +
                FormattableString.Invariant($"the nearest misses rounding by a factor of {misfit:G2}."),
            [{ IsProved: false }] => "One scale of the feature gives a label whose other entries are alike, " +
                "but so few entries say anything that others are as good.",
            [_] => "Just one scale of the feature gives a label whose other entries are alike.",
            _ => $"{solutions.Count} scales of the feature give a label whose other entries are alike: " +
                "the gradient does not say which, so all are listed.",
        });
    }

    private static Labels Told(IReadOnlyList<SoftSolution> solutions, string reason)
    {
        var labels = solutions.Select(solution => Normalized(solution.Label)).ToArray();
        var first = labels[0];
        var strongest = Array.IndexOf(first, first.Max());
        var confidence = solutions[0].Misfit > 1 ? 0.5 / solutions[0].Misfit
            : !solutions[0].IsProved ? 0.5
            : (double)labels.Count(label => Array.IndexOf(label, label.Max()) == strongest) / labels.Length;
        return new([strongest], [confidence], Refine: solutions.Count > 1 || solutions[0] is not { Misfit: <= 1, IsProved: true })
        {
            Soft = first.ToValueList(),
            Alternatives = labels.Skip(1).Select(label => label.ToValueList()).ToValueList(),
            Features = solutions[0].Feature.ToValueList(),
            Reasons = [reason, .. labels.Select((label, i) => $"{(i == 0 ? "Label" : "Or")}: {Said(label)}.")],
        };
    }

    private static string Said(double[] label) => string.Join(", ", Enumerable.Range(0, label.Length)
        .OrderByDescending(c => label[c]).Take(3).Select(c => FormattableString.Invariant($"class {c} {label[c]:0.0000}")));

    private static double[] Normalized(double[] label)
    {
        var positive = label.Select(entry => Math.Max(0, entry)).ToArray();
        var sum = positive.Sum();
        return [.. positive.Select(entry => sum > 0 ? entry / sum : 1.0 / label.Length)];
    }

    /// <summary>A batch: the labels sum to B times the mean prediction less the signal; dummy images give the mean prediction.</summary>
    private static Labels Sum(AttackContext context, HeadEvidence head)
    {
        var images = new HeadImages(head, DummyHead.Of(context));
        var signal = head.Signal(images.Along);
        var mass = signal.Select((entry, c) => Math.Max(0, head.Batch * (images.MeanProbability[c] - entry))).ToArray();
        var floor = mass.Min();
        var smoothing = Math.Clamp(floor * head.Classes / head.Batch, 0, 0.99);
        var counts = mass.Select(value => (value - floor) / (1 - smoothing)).ToArray();
        var whole = Counting.Round(counts, [], head.Batch);
        if (counts.Zip(whole, (real, count) => Math.Abs(real - count)).Max() < WholeCounts)
        {
            var classes = whole.SelectMany((count, c) => Enumerable.Repeat(c, count)).ToArray();
            return Batch(head, classes, [.. classes.SelectMany(label => Enumerable.Range(0, head.Classes)
                .Select(c => smoothing / head.Classes + (c == label ? 1 - smoothing : 0)))], false,
                FormattableString.Invariant(
                    $"The labels sum to whole counts above a floor: one class each, smoothed by {smoothing:0.00}."));
        }
        return Batch(head, null, Fill(mass, head), true, "The labels do not sum to whole counts, so they are mixed: " +
            "their sum was split among the images, to be refined with the pixels.");
    }

    private static Labels Batch(HeadEvidence head, int[]? classes, double[] soft, bool refine, string reason)
    {
        var strongest = classes ?? [.. soft.Chunk(head.Classes).Select(label => Array.IndexOf(label, label.Max()))];
        ValueList<double> confidence = [.. Enumerable.Repeat(refine ? 0.5 : 0.9, head.Batch)];
        return new(strongest.ToValueList(), confidence, refine) { Soft = soft.ToValueList(), Reasons = [reason] };
    }

    /// <summary>Images of one unit each, filled from the heaviest class on.</summary>
    private static double[] Fill(double[] mass, HeadEvidence head)
    {
        var (left, soft, sum) = ((double[])mass.Clone(), new double[head.Batch * head.Classes], mass.Sum());
        for (var c = 0; c < left.Length; c++)
            left[c] *= sum > 0 ? head.Batch / sum : 0;
        for (var i = 0; i < head.Batch; i++)
            for (var room = 1.0; room > 1e-9;)
            {
                var c = Array.IndexOf(left, left.Max());
                var taken = left[c] > 1e-9 ? Math.Min(room, left[c]) : room;
                soft[i * head.Classes + c] += taken;
                (left[c], room) = (left[c] - taken, room - taken);
            }
        return soft;
    }
}
