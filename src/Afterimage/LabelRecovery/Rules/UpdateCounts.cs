using Afterimage.Data;
using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

/// <summary>
/// Counts from an update of several local epochs and batches (RLU; Chen and Vikalo, 2024): the expected change of the bias is linear in
/// the counts, with the model's erroneous confidence as coefficients. That confidence is measured on dummy or auxiliary images, with
/// the weights before the round, after it and between, for the server knows both ends; the counts follow by least squares.
/// </summary>
[Cites("chen2024recovering")]
public sealed record UpdateCounts : LabelRule
{
    /// <summary>Labeled images of the client's kind; null takes procedural images, which say nothing of single classes.</summary>
    public DataSource? Auxiliary { get; init; }

    /// <summary>Images that are passed through the model.</summary>
    [Range(1, 100_000)]
    public int Images { get; init; } = 64;

    /// <summary>Places between the weights before and after, both ends included, for an update of local steps.</summary>
    [Range(2, 1000)]
    public int Places { get; init; } = 3;

    /// <inheritdoc/>
    public override Labels Recover(AttackContext context)
    {
        var head = HeadEvidence.Of(context);
        var signal = head.Bias("update-counts");
        using var scope = Tidy.Scope();
        var (images, labels) = Draw(context);
        var classes = head.Classes;
        var confidence = new double[classes * classes];
        var places = head.IsGradient ? [0.0] : Enumerable.Range(0, Places).Select(i => (double)i / (Places - 1)).ToArray();
        foreach (var place in places)
            Measure(context, images, labels, place, confidence, 1.0 / places.Length);
        var counts = Counting.Explaining(confidence, signal, head.Batch).Select(count => double.IsFinite(count) ? Math.Max(0, count) : 0);
        return Counting.Of(context, Counting.Round([.. counts], [], head.Batch), "The model's confidence in wrong classes was measured " +
            $"on {images.shape[0]} {(Auxiliary is null ? "procedural" : "auxiliary")} images" +
            (head.IsGradient ? "." : $" at {Places} places between the weights before and after."));
    }

    /// <summary>[C]: the mean prediction for procedural images on the way from the weights before the round to those after it.</summary>
    internal static double[] MeanPrediction(AttackContext context)
    {
        using var scope = Tidy.Scope();
        var (defaults, classes) = (new UpdateCounts(), context.Model.Classes);
        var confidence = new double[classes * classes];
        var images = DummyHead.Draw(context, defaults.Images);
        for (var i = 0; i < defaults.Places; i++)
            Measure(context, images, null, (double)i / (defaults.Places - 1), confidence, 1.0 / defaults.Places);
        return confidence[..classes];
    }

    private (Tensor Images, int[]? Labels) Draw(AttackContext context)
    {
        if (Auxiliary is null)
            return (DummyHead.Draw(context, Images), null);
        var (set, model) = (Auxiliary.Open(), context.Model);
        if (set.Shape != model.Input || set.ClassNames.Count != model.Classes)
            throw new AfterimageException($"The auxiliary images have shape {set.Shape} and {set.ClassNames.Count} classes, the model " +
                $"takes {model.Input} and has {model.Classes}: choose auxiliary images of the client's kind, or none.");
        var order = Enumerable.Range(0, set.Count).ToArray();
        context.Random.Derive("auxiliary").Managed().Shuffle(order);
        var chosen = order.Take(Images).Select(index => set[index]).ToArray();
        long[] shape = [chosen.Length, set.Shape.Channels, set.Shape.Height, set.Shape.Width];
        return (tensor([.. chosen.SelectMany(image => image.Pixels)], shape).to(model.Type, model.Device),
            [.. chosen.Select(image => image.Label)]);
    }

    /// <summary>
    /// Adds the mean prediction for images of class j, at j * C + c; of all images where a class has none or labels are unknown.
    /// </summary>
    private static void Measure(AttackContext context, Tensor images, int[]? labels, double place, double[] confidence, double share)
    {
        var (head, update) = (HeadEvidence.Of(context), context.Observation.Update);
        using var scope = Tidy.Scope();
        var moved = place == 0 ? null : context.Model.Parameters.Select((value, i) => value.detach() + update[i] * place).ToArray();
        var (classes, features) = (head.Classes, head.Features);
        var passed = DummyHead.Pass(context, images, moved);
        var (sums, seen) = (new double[(classes + 1) * classes], new double[classes + 1]);
        for (var i = 0; i < passed.Count; i++)
        {
            var logits = passed.Logits.AsSpan(i * classes, classes).ToArray();
            for (var c = 0; c < classes && place != 0; c++)
            {
                var change = head.WeightChange.AsSpan(c * features, features);
                logits[c] += place * (head.BiasChange![c] + TensorPrimitives.Dot(change, passed.Features.AsSpan(i * features, features)));
            }
            var p = Softmax.Of(logits);
            foreach (var row in labels is null ? [classes] : (int[])[labels[i], classes])
            {
                seen[row]++;
                for (var c = 0; c < classes; c++)
                    sums[row * classes + c] += p[c];
            }
        }
        for (var j = 0; j < classes; j++)
        {
            var row = seen[j] > 0 ? j : classes;
            for (var c = 0; c < classes; c++)
                confidence[j * classes + c] += share * sums[row * classes + c] / seen[row];
        }
    }
}
