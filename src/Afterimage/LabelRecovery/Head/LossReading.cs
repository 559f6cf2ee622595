using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.LabelRecovery;

/// <summary>
/// The loss behind an update that nobody described, where it is not cross-entropy over softmax: that one's bias gradient of the head adds
/// up to zero over the classes. Of one image the head gives features and logits, and only under the true loss are the errors that
/// they leave one multiple of prediction minus labels of 0 and 1.
/// </summary>
/// <param name="Loss">With the mean over its terms.</param>
/// <param name="Scale">The update over that loss's gradient.</param>
/// <param name="IsSure">Whether labels of 0 and 1 confirm it.</param>
/// <param name="Sentence">What was seen, without a period.</param>
public sealed record LossReading(Loss Loss, GradientScale Scale, bool IsSure, string Sentence)
{
    // The share by which a sum over classes may miss zero, what one image may leave, and what a confirmed loss may leave.
    private const double AddsUp = 1e-2, OneImage = 1e-4, Fits = 1e-2, Usual = 2e-3;

    /// <summary>What single precision may leave of a sum of probabilities less 1, where an image is nearly certain.</summary>
    private const double Rounding = 2e-6;

    private const string Remedy = "say which with --loss mean-squared or --loss binary-cross-entropy";

    /// <summary>The loss behind an update; null where it may be cross-entropy, or noise hides it.</summary>
    /// <param name="model">The shared model.</param>
    /// <param name="update">What the client sent, on a way that left its numbers alone.</param>
    /// <param name="batch">Images behind it.</param>
    /// <exception cref="AfterimageException">It is surely not cross-entropy, and does not tell what it is.</exception>
    public static LossReading? Of(VictimModel model, GradientSet update, int batch)
    {
        if (batch < 1 || model.Head is not (var weight, { } place))
            return null;
        using var scope = Tidy.Scope();
        var (rows, bias) = (Double(update[weight]), Double(update[place]));
        var total = bias.abs().sum().ToDouble();
        if (!(total > 0) || (model.Classes > 1 && Math.Abs(bias.sum().ToDouble()) < AddsUp * total))
            return null;
        if (batch > 1)
            return !(Math.Abs(bias.sum().ToDouble()) > 5 * Rounding) || !IsOf(batch, rows, bias) ? null
                : throw new AfterimageException(Untold(model.Classes, batch));
        var features = bias.matmul(rows) / bias.square().sum();
        if (!((rows - bias.outer(features)).norm().ToDouble() <= OneImage * rows.norm().ToDouble()))
            return null;
        var logits = (Double(model.Parameters[weight]).matmul(features) + Double(model.Parameters[place])).data<double>().ToArray();
        var errors = bias.data<double>().ToArray();
        return model.Classes > 1 && IsRounded(logits, errors) ? null : OfOne(logits, errors);
    }

    /// <summary>Whether a model's outputs are logarithms of probabilities, as a last log-softmax leaves them.</summary>
    public static bool AreLogProbabilities(VictimModel model)
    {
        if (model.Classes < 2)
            return false;
        using var scope = Tidy.Scope();
        using var _ = no_grad();
        using var generator = new RandomSource(0).Derive("outputs").Generator(CPU);
        var images = rand([2, model.Input.Channels, model.Input.Height, model.Input.Width], ScalarType.Float32, CPU, generator: generator);
        var sums = model.Logits(images.to(model.Type).to(model.Device)).exp().sum(1);
        return (sums - 1).abs().max().ToDouble() < 1e-4;
    }

    private static string Untold(int outputs, int batch) => outputs == 1
        ? $"The model has one output, whose loss is no cross-entropy over softmax, and an update of {batch} images does not tell which " +
            $"it is: {Remedy}."
        : "The head's gradient does not add up to zero over the classes, as cross-entropy over softmax leaves it, so the loss is " +
            $"another one, which an update of {batch} images does not tell: {Remedy}.";

    /// <summary>Whether the sum over classes is zero but for the rounding of probabilities, whatever the factor.</summary>
    private static bool IsRounded(double[] logits, double[] bias)
    {
        var errors = Softmax.Of(logits);
        errors[Array.IndexOf(bias, bias.MaxBy(Math.Abs))]--;
        var factor = TensorPrimitives.Dot(bias, errors) / TensorPrimitives.Dot(errors, errors);
        return Math.Abs(bias.Sum()) <= Rounding * Math.Abs(factor);
    }

    private static LossReading OfOne(double[] logits, double[] bias)
    {
        var (outputs, probabilities) = (logits.Length, logits.Select(logit => 1 / (1 + Math.Exp(-logit))).ToArray());
        // One output has one equation, which any factor solves: there the factor decides.
        double Fault(GradientScale fit) => outputs == 1 ? Math.Abs(fit.Factor - 1) : fit.Error;
        var binary = new[] { 1, -1 }.Select(way =>
            Against(bias, [.. probabilities.Select((p, c) => p - (way * bias[c] < 0 ? 1 : 0))], 1.0 / outputs)).MinBy(Fault)!;
        var squared = Enumerable.Range(0, outputs == 1 ? 2 : outputs).Select(label => Against(bias,
            [.. logits.Select((logit, c) => logit - (outputs == 1 ? label : c == label ? 1 : 0))], 2.0 / outputs)).MinBy(Fault)!;
        var (isBinary, isSquared) = outputs == 1 ? (binary.Factor == 1, squared.Factor == 1)
            : (binary.Error < Fits && binary.Error <= squared.Error, squared.Error < Fits);
        if (isBinary)
            return new(new BinaryCrossEntropy(), binary, true, (outputs == 1 ? "the model has one output, and its error is "
                : "the head's gradient does not add up to zero, and its errors are those ") +
                "of sigmoids and labels of 0 and 1: the loss was taken for binary cross-entropy");
        if (isSquared)
            return new(new MeanSquared(), squared, outputs > 1, (outputs == 1 ? "the model has one output, and its error is that "
                : "the head's gradient does not add up to zero, and its errors are those ") +
                "of a squared error and labels of 0 and 1: the loss was taken for that");
        return outputs == 1
            ? new(new MeanSquared(), new(1, 0), false, "the model has one output, and binary cross-entropy of a label of 0 or 1 does not " +
                "explain its error: the loss was taken for the squared error of a number (otherwise say --loss)")
            : throw new AfterimageException("The head's gradient does not add up to zero over the classes, as cross-entropy over softmax " +
                $"leaves it, and labels of 0 and 1 explain it under neither binary cross-entropy nor squared error: {Remedy}.");
    }

    /// <summary>The factor over a loss whose derivative is a known multiple of these errors.</summary>
    private static GradientScale Against(double[] bias, double[] errors, double slope)
    {
        var multiple = TensorPrimitives.Dot(bias, errors) / TensorPrimitives.Dot(errors, errors);
        var left = Math.Sqrt(bias.Zip(errors, (b, e) => Math.Pow(b - multiple * e, 2)).Sum() / TensorPrimitives.Dot(bias, bias));
        return new(Math.Abs(multiple / slope - 1) < Usual ? 1 : multiple / slope, left);
    }

    /// <summary>Whether no more images than these are behind the head's gradient, to rounding; a smaller head never tells.</summary>
    private static bool IsOf(int batch, Tensor rows, Tensor bias)
    {
        if (rows.shape[0] == 1)
            return true;
        if (batch >= Math.Min(rows.shape[0], rows.shape[1]))
            return false;
        var (_, strengths, _) = Factorization.Svd(cat([rows, bias.unsqueeze(1)], 1), "The head's gradient");
        return strengths[batch].ToDouble() < OneImage * strengths[0].ToDouble();
    }

    private static Tensor Double(Tensor values) => values.detach().to(ScalarType.Float64).cpu();
}
