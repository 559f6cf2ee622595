using System.Globalization;
using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.LabelRecovery;

/// <summary>
/// How many times the mean gradient an undeclared update is. A client that sums its loss, weighs it, clips its gradient or sends the
/// difference that one step made leaves the same equations up to one factor, and the head tells it: its bias gradient is that factor times
/// the mean of softmax minus label. For one image the features are a row of the weight gradient over its bias entry whatever the factor,
/// so that prediction, label and factor follow exactly, and without a bias from the one length of the features that fits; for more
/// the factor is the one under which counts of classes are whole and the gradient falls apart into its images.
/// </summary>
/// <param name="Factor">What to divide the update by; negative where it points down the gradient.</param>
/// <param name="Error">The share of the head's gradient that contradicts it.</param>
public sealed record GradientScale(double Factor, double Error)
{
    /// <summary>Whether noise leaves no doubt of it.</summary>
    public bool IsSure { get; private init; } = true;

    private const double Fits = 1e-2, Usual = 2e-3, Rough = 0.05, Alike = 1e-5;
    private const int Starts = 8;

    /// <summary>The factor of an update that nobody described; null where the head does not tell it.</summary>
    /// <param name="model">The shared model.</param>
    /// <param name="update">What the client sent.</param>
    /// <param name="training">The gradient that it is taken for.</param>
    /// <param name="batch">Images behind it.</param>
    public static GradientScale? Read(VictimModel model, GradientSet update, FedSgd training, int batch)
    {
        if (model.Head is not var (_, bias) || training.Loss.HeadObstacle is not null || batch < 1 || (bias is null && batch > 1))
            return null;
        using var context = new AttackContext
        {
            Model = model,
            Observation = new() { Update = update, Training = training, BatchSize = batch },
            Random = new RandomSource(0).Derive("scale"),
        };
        var head = HeadEvidence.Of(context);
        var found = head.IsZero ? null : bias is null ? OfOneWithoutBias(head) : batch == 1 ? OfOne(head) : OfSeveral(head, context);
        return found is { } scale && Math.Abs(scale.Factor - 1) < Math.Max(Usual, 3 * scale.Error) ? scale with { Factor = 1 } : found;
    }

    /// <summary>What the factor means, one sentence.</summary>
    /// <param name="batch">Images behind the update.</param>
    public string Meaning(int batch)
    {
        var size = Math.Abs(Factor).ToString("G3", CultureInfo.InvariantCulture);
        return Factor < 0 ? $"it points down the gradient, so it was taken for what one step of learning rate {size} leaves"
            : Math.Abs(Factor / batch - 1) < 0.02 && batch > 1 ? "it is the sum over the batch, not the mean, and was divided by its size"
            : $"it is {size} times the mean gradient (a weighted or clipped loss, a sum over clients), and was divided by that";
    }

    private static GradientScale? OfOne(HeadEvidence head)
    {
        var bias = head.Bias("scale");
        var square = TensorPrimitives.Dot(bias, bias);
        var features = new double[head.Features];
        for (var c = 0; c < head.Classes; c++)
        {
            var row = head.WeightGradient.AsSpan(c * head.Features, head.Features);
            TensorPrimitives.MultiplyAdd(row, bias[c] / square, features, features);
        }
        var left = 0.0;
        for (var c = 0; c < head.Classes; c++)
            for (var f = 0; f < head.Features; f++)
                left += Math.Pow(head.WeightGradient[c * head.Features + f] - bias[c] * features[f], 2);
        var apart = Math.Sqrt(left / TensorPrimitives.Dot(head.WeightGradient, head.WeightGradient));
        var fits = Enumerable.Range(0, head.Classes).Select(label => Against(bias, Error(label))).ToList();
        var best = fits.MinBy(fit => fit.Error)!;
        // Where two classes share all probability either label fits, under factors of two signs: a plain gradient is what clients send.
        best = fits.FirstOrDefault(fit => Math.Abs(fit.Factor - 1) < Usual && fit.Error < Math.Max(Alike, 10 * best.Error)) ?? best;
        return Math.Max(apart, best.Error) < Fits ? best with { Error = Math.Max(apart, best.Error) } : null;

        double[] Error(int label)
        {
            var error = Softmax.Of(head.Logits(features));
            error[label]--;
            return error;
        }
    }

    private static GradientScale? OfOneWithoutBias(HeadEvidence head) =>
        BiaslessScale.Of(head) is var (factor, error) ? new(factor, error) : null;

    private static GradientScale? OfSeveral(HeadEvidence head, AttackContext context)
    {
        var (bias, images) = (head.Bias("scale"), new HeadImages(head, DummyHead.Of(context)));
        if (Whole(bias, images.MeanProbability, head.Batch, 1) is { Error: < Rough } usual)
            return new(1, usual.Error) { IsSure = !head.IsNoisy };
        // As many images as classes make so many counts that some always fit.
        if (head.Batch >= head.Classes)
            return null;
        var factors = Enumerable.Range(-80, 161).Select(step => Math.Pow(10, step / 20.0));
        var (up, down) = (Best(1), Best(-1));
        var (rough, other) = up.Error < down.Error ? (up, down) : (down, up);
        return Refined(head, context, images, rough) ?? (other.Error < 0.5 ? Refined(head, context, images, other) : null)
            ?? (rough.Error < Rough && rough.Error < other.Error / 4 ? rough with { IsSure = !head.IsNoisy } : null);

        GradientScale Best(int sign) => factors.Select(factor => Whole(bias, images.MeanProbability, head.Batch, sign * factor))
            .MinBy(fit => fit.Error)!;
    }

    /// <summary>The factor and counts nearest to a first factor, by turns.</summary>
    private static GradientScale Whole(double[] bias, double[] mean, int batch, double factor)
    {
        var fit = new GradientScale(factor, double.PositiveInfinity);
        for (var turn = 0; turn < 4; turn++)
        {
            var counts = Counting.Round([.. mean.Select((p, c) => batch * (p - bias[c] / fit.Factor))], [], batch);
            var better = Against(bias, [.. mean.Select((p, c) => p - (double)counts[c] / batch)]);
            if (turn == 0 && factor == 1)
                return new(1, Distance(bias, [.. mean.Select((p, c) => p - (double)counts[c] / batch)], 1));
            if (!(better.Error < fit.Error) || Math.Sign(better.Factor) != Math.Sign(factor))
                break;
            fit = better;
        }
        return fit;
    }

    /// <summary>The factor under which the head's gradient falls apart into its images, near a first one.</summary>
    private static GradientScale? Refined(HeadEvidence head, AttackContext context, HeadImages images, GradientScale rough)
    {
        using var scope = Tidy.Scope();
        Tensor Matrix(double[] numbers) => tensor(numbers, [numbers.Length / head.Features, head.Features], ScalarType.Float64);
        Tensor Vector(double[] numbers) => tensor(numbers, ScalarType.Float64);
        var bias = head.Bias("scale");
        var wanted = images.MeanProbability.Select((p, c) => head.Batch * (p - bias[c] / rough.Factor));
        var classes = Counting.Round([.. wanted], [], head.Batch).SelectMany((count, c) => Enumerable.Repeat(c, count));
        var labels = new Labels(classes.ToValueList(), new double[head.Batch].ToValueList());
        var (gradient, biasGradient, weight) = (Matrix(head.WeightGradient), Vector(bias), Matrix(head.Weight));
        var (biasValues, samples) = (Vector(head.BiasValues), Matrix(DummyHead.Of(context).Features));
        var targets = labels.Targets(head.Classes, ScalarType.Float64, CPU);
        return HeadFactors.Find(gradient / rough.Factor, biasGradient / rough.Factor, weight, biasValues, targets, samples,
            context.Random, Starts, sized: true) is { Size: > 0.6 and < 1.6 } apart ? new(rough.Factor * apart.Size, apart.Residual) : null;
    }

    private static GradientScale Against(double[] bias, double[] error)
    {
        var factor = TensorPrimitives.Dot(bias, error) / TensorPrimitives.Dot(error, error);
        return new(factor, Distance(bias, error, factor));
    }

    private static double Distance(double[] bias, double[] error, double factor) =>
        Math.Sqrt(bias.Zip(error, (b, e) => Math.Pow(b - factor * e, 2)).Sum() / TensorPrimitives.Dot(bias, bias));
}
