using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

/// <summary>The labels that the threat model reveals.</summary>
public sealed record Given : LabelRecovery
{
    public override Labels Recover(AttackContext context) => context.Observation.Labels is { } labels
        ? new(labels, Enumerable.Repeat(1.0, labels.Count).ToSeq())
        : throw new AfterimageException("The attack is set to given labels, but the threat model does not reveal them: reveal the labels, or recover them (\"bias-sign\").");
}

/// <summary>Labels are unknowns of the search, as soft labels beside the pixels (Zhu, Liu and Han, 2019).</summary>
[Cites("zhu2019deep")]
public sealed record Joint : LabelRecovery
{
    public override Labels Recover(AttackContext context)
    {
        var batch = context.Observation.BatchSize;
        return new(new int[batch].ToSeq(), Enumerable.Repeat(1.0 / context.Model.Classes, batch).ToSeq(), Refine: true);
    }
}

/// <summary>
/// The row of the head's weight gradient with the most negative sum is the label of a single image (Zhao, Mopuri and
/// Bilen, 2020). Exact at batch size 1 when the head's inputs are not negative.
/// </summary>
[Cites("zhao2020idlg")]
public sealed record Idlg : LabelRecovery
{
    public override Labels Recover(AttackContext context)
    {
        if (context.Observation.BatchSize != 1)
            throw new AfterimageException($"The iDLG rule reads one label, but the batch has {context.Observation.BatchSize} images: use \"bias-sign\" or \"joint\".");
        using var scope = Tidy.Scope();
        var (weight, _) = HeadGradient.Of(context);
        var sums = HeadGradient.Numbers(weight.sum(1));
        var label = Array.IndexOf(sums, sums.Min());
        return new([label], [sums.Count(sum => sum < 0) == 1 ? 1 : 0.5]);
    }
}

/// <summary>
/// A class whose entry in the head's bias gradient is negative is in the batch, for the entry is the mean of p - 1 over
/// its images and p over the others (as for the weights in Wainakh et al., 2022). With as many negative entries as images
/// the labels are certain; otherwise the missing ones are taken greedily, which favors repeats and can miss a class that
/// the model finds likely for the whole batch.
/// </summary>
[Cites("wainakh2022user")]
public sealed record BiasSign : LabelRecovery
{
    public override Labels Recover(AttackContext context)
    {
        using var scope = Tidy.Scope();
        var (_, bias) = HeadGradient.Of(context);
        if (bias is null)
            throw new AfterimageException("The bias-sign rule needs a head with a bias, and this model's has none: use \"idlg\" (batch size 1) or \"joint\".");
        var batch = context.Observation.BatchSize;
        var entries = HeadGradient.Numbers(bias);
        var present = Enumerable.Range(0, entries.Length).Where(c => entries[c] < 0).OrderBy(c => entries[c]).Take(batch).ToList();
        var share = 1.0 / batch;
        foreach (var c in present)
            entries[c] += share;
        var labels = present.Select(c => (Class: c, Confidence: 1.0)).ToList();
        while (labels.Count < batch)
        {
            var next = Array.IndexOf(entries, entries.Min());
            entries[next] += share;
            labels.Add((next, 0.5));
        }
        labels.Sort();
        return new(labels.Select(label => label.Class).ToSeq(), labels.Select(label => label.Confidence).ToSeq());
    }
}

internal static class HeadGradient
{
    /// <summary>The update of the final linear layer on the scale of a gradient.</summary>
    public static (Tensor Weight, Tensor? Bias) Of(AttackContext context)
    {
        var (weight, bias) = context.Model.Head
            ?? throw new AfterimageException($"No parameter of the model has {context.Model.Classes} rows, so there is no head to read labels from: use \"joint\", or check the number of classes.");
        var gradient = context.Observation.ApproximateGradient();
        return (gradient[weight], bias is { } index ? gradient[index] : null);
    }

    public static double[] Numbers(Tensor vector) => vector.to(ScalarType.Float64).cpu().data<double>().ToArray();
}
