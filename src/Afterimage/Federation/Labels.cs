namespace Afterimage.Federation;

/// <summary>What an attack knows of the labels of the batch, in the order of its reconstructions.</summary>
/// <param name="Classes">One class for each image; of a soft label the strongest.</param>
/// <param name="Confidence">For each image, the attacker's probability that its class is right, in [0,1].</param>
/// <param name="Refine">Whether the attack goes on to optimize the labels together with the images.</param>
public sealed record Labels(ValueList<int> Classes, ValueList<double> Confidence, bool Refine = false)
{
    /// <summary>How often each class occurs, class by class; empty where a rule counts nothing.</summary>
    public ValueList<ClassCount> Counts { get; init; } = [];

    /// <summary>Label probabilities of every image, [B,classes] row by row, where labels are soft; null for one-hot labels.</summary>
    public ValueList<double>? Soft { get; init; }

    /// <summary>Other soft labels, [B,classes] each, that explain the head's gradient as well.</summary>
    public ValueList<ValueList<double>> Alternatives { get; init; } = [];

    /// <summary>Inputs of the head for every image, [B,features] row by row, where its gradient tells them.</summary>
    public ValueList<double>? Features { get; init; }

    /// <summary>Why these labels, one sentence each.</summary>
    public ValueList<string> Reasons { get; init; } = [];

    /// <summary>These labels, then those in which one uncertain label is another class, the most plausible first.</summary>
    public IEnumerable<Labels> Plausible(int classes)
    {
        var doubts = Enumerable.Range(0, classes).Select(c => c < Counts.Count ? 1 - Counts[c].Confidence : 1).ToArray();
        var swaps =
            from image in Enumerable.Range(0, Soft is null && !Refine ? Classes.Count : 0)
            from other in Enumerable.Range(0, classes)
            let plausible = (1 - Confidence[image]) * doubts[other]
            where other != Classes[image] && plausible > 0
            orderby plausible descending
            select Swapped(image, other);
        return swaps.Prepend(this);
    }

    /// <summary>
    /// These labels, then every other way to deal them out to mini-batches of one size, in whose order a client takes its steps; the order
    /// within a mini-batch changes nothing. Soft labels stay as they are.
    /// </summary>
    public IEnumerable<Labels> Dealt(int size) => Soft is not null || Refine || size < 1 || size >= Classes.Count ? [this]
        : Deals([.. Enumerable.Range(0, Classes.Count)], size).DistinctBy(order => string.Join(',', order.Select(i => Classes[i])))
            .Select((order, place) => place == 0 ? this : this with
            {
                Classes = order.Select(i => Classes[i]).ToValueList(),
                Confidence = order.Select(i => Confidence[i]).ToValueList(),
                Features = null,
            });

    /// <summary>Ways to take mini-batches from what is left, in rising order within each.</summary>
    private static IEnumerable<int[]> Deals(int[] left, int size) => left.Length <= size ? [left]
        : Choices(left, size).SelectMany(first => Deals([.. left.Except(first)], size).Select(rest => (int[])[.. first, .. rest]));

    private static IEnumerable<int[]> Choices(int[] from, int count) => count == 0 ? [[]]
        : Enumerable.Range(0, from.Length - count + 1)
            .SelectMany(i => Choices(from[(i + 1)..], count - 1).Select(rest => (int[])[from[i], .. rest]));

    private Labels Swapped(int image, int other)
    {
        var swapped = Classes.Zip(Confidence).Select((label, i) => (Class: i == image ? other : label.First, Confidence: label.Second))
            .OrderBy(label => label.Class).ToArray();
        return this with
        {
            Classes = swapped.Select(label => label.Class).ToValueList(),
            Confidence = swapped.Select(label => label.Confidence).ToValueList(),
            Features = null,
            Counts = Counts.Select(count => count.Class == other ? new(other, count.Count + 1, 1 - count.Confidence)
                : count.Class == Classes[image] ? new(count.Class, count.Count - 1, 1 - count.Confidence) : count).ToValueList(),
        };
    }

    /// <summary>Targets of shape [B,classes]: the soft labels where there are any, else one-hot.</summary>
    public Tensor Targets(int classes, ScalarType type, Device device)
    {
        if (Soft is { } soft)
            return tensor(soft.ToArray(), [Classes.Count, classes], ScalarType.Float64).to(type, device);
        var targets = zeros([Classes.Count, classes], type, device);
        for (var i = 0; i < Classes.Count; i++)
            targets[i, Classes[i]] = 1;
        return targets;
    }
}

/// <summary>How often a class is in the batch.</summary>
/// <param name="Count">Images of this class.</param>
/// <param name="Confidence">The attacker's probability that exactly this count is right, in [0,1].</param>
public readonly record struct ClassCount(int Class, int Count, double Confidence);
