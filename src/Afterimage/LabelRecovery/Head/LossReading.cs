using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.LabelRecovery;

/// <summary>
/// Which loss a client trained with, read from the head's gradient of one image. Its features are a row of the weight gradient over the
/// entry of the bias gradient, so that the logits are known, and the bias gradient is prediction minus target up to a factor: softmax of
/// the logits under cross-entropy, their sigmoid under binary cross-entropy, the logits themselves under squared error.
/// </summary>
/// <param name="Loss">With the mean over images and outputs; a sum differs by a factor.</param>
/// <param name="Targets">Of every output; one at the labels.</param>
/// <param name="Label">The true output that is furthest from its target.</param>
/// <param name="Factor">What the head's gradient is of that of the loss.</param>
/// <param name="Error">The share of the bias gradient that contradicts it.</param>
public sealed record LossReading(Loss Loss, ValueList<double> Targets, int Label, double Factor, double Error)
{
    private const double Fits = 1e-2;

    /// <summary>One sentence on what was found; the end of it.</summary>
    public string Sentence => Loss switch
    {
        BinaryCrossEntropy => "the loss is binary cross-entropy, for the head's bias gradient is sigmoid minus target",
        MeanSquared when Targets.Count == 1 =>
            "the model has one output, so the loss is taken for a squared error, whose unknown target is a factor of the gradient",
        MeanSquared => "the loss is a squared error, for the head's bias gradient is logit minus target",
        _ => "the loss is cross-entropy",
    };

    /// <summary>The label, or where several outputs are true the one furthest from its target, with all of them as soft labels.</summary>
    public Labels Labels => new([Label], [1 - Error])
    {
        Soft = Targets.Sum() == 1 ? null : Targets,
        Reasons = Targets.Sum() == 1 ? []
            : [$"These outputs are true at once: {string.Join(", ", Enumerable.Range(0, Targets.Count).Where(c => Targets[c] == 1))}."],
    };

    /// <summary>The loss that explains an update; null where none of those known does, or more than one image is behind it.</summary>
    /// <param name="model">The shared model.</param>
    /// <param name="update">What the client sent, taken for a gradient up to a factor.</param>
    /// <param name="batch">Images behind it.</param>
    public static LossReading? Of(VictimModel model, GradientSet update, int batch)
    {
        if (model.Classes == 1)
            return new(new MeanSquared(), [1], 0, 1, 0);
        if (batch != 1 || model.Head is not (var weight, { } bias))
            return null;
        using var scope = Tidy.Scope();
        Tensor Numbers(Tensor values) => values.detach().to(ScalarType.Float64).cpu();
        var (gradient, arriving) = (Numbers(update[weight]), Numbers(update[bias]));
        var square = arriving.square().sum().ToDouble();
        if (!(square > 0) || !double.IsFinite(square))
            return null;
        var features = arriving.matmul(gradient) / square;
        if (((gradient - arriving.outer(features)).norm() > Fits * gradient.norm()).ToBoolean())
            return null;
        var logits = (Numbers(model.Parameters[weight]).matmul(features) + Numbers(model.Parameters[bias])).data<double>().ToArray();
        var seen = arriving.data<double>().ToArray();
        return Candidates(logits, seen).OrderBy(found => found.Error).FirstOrDefault(found => found.Error < Fits);
    }

    private static IEnumerable<LossReading> Candidates(double[] logits, double[] seen)
    {
        var (classes, sigmoid) = (logits.Length, logits.Select(logit => 1 / (1 + Math.Exp(-logit))).ToArray());
        var softmax = Softmax.Of(logits);
        for (var label = 0; label < classes; label++)
        {
            var one = Enumerable.Range(0, classes).Select(c => c == label ? 1.0 : 0).ToValueList();
            yield return Against(new CrossEntropy(), softmax, one, seen, 1);
            yield return Against(new MeanSquared(), logits, one, seen, 2.0 / classes);
        }
        // Several outputs may be true at once: those where the gradient points the other way.
        foreach (var sign in (double[])[1, -1])
        {
            var targets = seen.Select(entry => entry * sign < 0 ? 1.0 : 0).ToValueList();
            yield return Against(new BinaryCrossEntropy(), sigmoid, targets, seen, 1.0 / classes);
        }
    }

    private static LossReading Against(Loss loss, double[] predicted, ValueList<double> targets, double[] seen, double slope)
    {
        var error = predicted.Zip(targets, (p, target) => slope * (p - target)).ToArray();
        var factor = TensorPrimitives.Dot(seen, error) / TensorPrimitives.Dot(error, error);
        var left = seen.Zip(error, (s, e) => Math.Pow(s - factor * e, 2)).Sum() / TensorPrimitives.Dot(seen, seen);
        var label = Enumerable.Range(0, seen.Length).MaxBy(c => targets[c] * Math.Abs(seen[c]));
        return new(loss, targets, label, factor, Math.Sqrt(left));
    }
}
