using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

/// <summary>
/// How often each class occurs, from the head's gradients (Ma et al., 2023): a row of the weight gradient over its bias entry
/// is a mean feature of that class, the head turns it into probabilities P, and the counts n solve (P' - 1) n = B g with sum B,
/// where g is the bias gradient. Repeats are counted. Classes with a negative bias entry are in the batch for certain.
/// </summary>
[Cites("ma2023instance")]
public sealed record InstanceCounts : LabelRecovery
{
    public override Labels Recover(AttackContext context)
    {
        using var scope = Tidy.Scope();
        var (weight, bias) = HeadGradient.Of(context);
        if (bias is null)
            throw new AfterimageException("Counting instances needs a head with a bias, and this model's has none: use \"idlg\" (batch size 1) or \"joint\".");
        var batch = context.Observation.BatchSize;
        var entries = HeadGradient.Numbers(bias);
        var certain = Enumerable.Range(0, entries.Length).Where(c => entries[c] < 0).OrderBy(c => entries[c]).Take(batch).ToArray();
        var counts = certain.Length == batch ? new double[entries.Length] : Solve(context, weight.to(ScalarType.Float64), bias.to(ScalarType.Float64), batch);
        return Round(counts, certain, batch);
    }

    private static double[] Solve(AttackContext context, Tensor weight, Tensor bias, int batch)
    {
        var (head, offset) = (context.Model.Head!.Value.Weight, context.Model.Head!.Value.Bias!.Value);
        var features = weight / bias.unsqueeze(1);
        var logits = features.matmul(context.Model.Parameters[head].detach().to(ScalarType.Float64).t())
            .add(context.Model.Parameters[offset].detach().to(ScalarType.Float64));
        // A class whose bias entry vanishes has no mean feature; uniform probabilities leave it to the other equations.
        var probabilities = where(logits.isfinite().all(1, keepdim: true), logits, zeros_like(logits)).softmax(1);
        var equations = cat([probabilities.t() - eye(bias.shape[0], dtype: ScalarType.Float64, device: bias.device), ones([1, bias.shape[0]], ScalarType.Float64, bias.device)]);
        var right = cat([bias * batch, full([1], batch, ScalarType.Float64, bias.device)]);
        return HeadGradient.Numbers(linalg.pinv(equations).mv(right));
    }

    /// <summary>Whole counts with the wanted sum: the certain classes once, then always the class that is most short of its count.</summary>
    private static Labels Round(double[] counts, int[] certain, int batch)
    {
        var left = (double[])counts.Clone();
        var labels = new List<(int Class, double Confidence)>();
        foreach (var c in certain)
        {
            labels.Add((c, 1));
            left[c]--;
        }
        while (labels.Count < batch)
        {
            var next = Array.IndexOf(left, left.Max());
            labels.Add((next, Math.Clamp(left[next], 0, 1)));
            left[next]--;
        }
        labels.Sort();
        return new(labels.Select(label => label.Class).ToSeq(), labels.Select(label => label.Confidence).ToSeq());
    }
}
