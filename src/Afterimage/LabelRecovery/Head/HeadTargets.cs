using System.Globalization;
using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.LabelRecovery;

/// <summary>
/// Targets under a loss with a canonical link: the derivative with respect to a logit is a multiple of prediction minus target, whatever
/// the targets are. They are 0 or 1 where labels do not exclude one another, and any numbers in a regression.
/// </summary>
internal static class HeadTargets
{
    /// <summary>The share of the head's weight gradient that features of one image may leave, and how near a target is to 0 or 1.</summary>
    private const double Fits = 1e-2, Whole = 0.02;

    /// <summary>What is left for the case that an update which nothing confirms is something else.</summary>
    private const double Unconfirmed = 0.8;

    /// <summary>
    /// Those of one image, from the head alone: its features are a row of the weight gradient over its bias entry. Null for several
    /// images, for a head without a bias, and where its gradient is not that of one image.
    /// </summary>
    public static Labels? OfOne(AttackContext context)
    {
        var (model, observation) = (context.Model, context.Observation);
        if (observation.BatchSize != 1 || observation.Training.Loss.Link is null || model.Head is not (var weight, { } bias)
            || observation.Channel.Lacks(observation.Update, weight) || observation.Channel.Lacks(observation.Update, bias))
            return null;
        using var scope = Tidy.Scope();
        var gradient = observation.ApproximateGradient();
        var (rows, errors) = (Double(gradient[weight]), Double(gradient[bias]));
        var square = errors.square().sum();
        if (!(square.ToDouble() > 0))
            return null;
        var features = errors.matmul(rows) / square;
        if (!((rows - errors.outer(features)).norm().ToDouble() <= Fits * rows.norm().ToDouble()))
            return null;
        var logits = Double(model.Parameters[weight]).matmul(features) + Double(model.Parameters[bias]);
        return Of(context, logits.unsqueeze(0), errors.unsqueeze(0));
    }

    /// <summary>Those of images that are known, of a model of known layers.</summary>
    /// <param name="context">The round.</param>
    /// <param name="images">In [0,1], [B,C,H,W].</param>
    /// <exception cref="AfterimageException">The model has no head whose input is known, or the loss no canonical link.</exception>
    public static Labels OfImages(AttackContext context, Tensor images)
    {
        if (OfOne(context) is { } one)
            return one;
        using var scope = Tidy.Scope();
        using var _ = no_grad();
        var (model, trace) = (context.Model, new Trace());
        var logits = Double(model.Logits(images.to(model.Type).to(model.Device), trace: trace));
        if (context.Observation.Training.Loss.Link is null || trace.Features is not { } seen || model.Head is not var (weight, bias))
            throw new AfterimageException("The head of this model or its loss does not tell targets: give the labels.");
        var (features, update) = (Double(seen), context.Observation.ApproximateGradient());
        var gradient = Double(update[weight]);
        if (bias is { } place)
            (features, gradient) = (cat([features, ones([features.shape[0], 1], ScalarType.Float64)], 1),
                cat([gradient, Double(update[place]).unsqueeze(1)], 1));
        var inverse = Factorization.PseudoInverse(features, "The matrix of features", 1e-9);
        return Of(context, logits, features.shape[0] * gradient.matmul(inverse).t());
    }

    /// <param name="context">The round.</param>
    /// <param name="logits">[B,C].</param>
    /// <param name="errors">Derivatives of the loss of one image with respect to its logits, [B,C].</param>
    private static Labels Of(AttackContext context, Tensor logits, Tensor errors)
    {
        var loss = context.Observation.Training.Loss;
        var predictions = loss.Link switch
        {
            Link.Softmax => logits.softmax(1),
            Link.Sigmoid => logits.sigmoid(),
            _ => logits,
        };
        var classes = (int)logits.shape[1];
        var seen = predictions - errors * (loss.Divisor(1, classes) / loss.Slope);
        var found = ((seen - (1 - loss.Kept) / classes) / loss.Kept).contiguous().data<double>().ToArray();
        var isWhole = Array.TrueForAll(found, target => Math.Min(Math.Abs(target), Math.Abs(target - 1)) < Whole);
        double[] targets = isWhole ? [.. found.Select(target => Math.Round(target))] : found;
        var rows = targets.Chunk(classes).ToArray();
        var sure = isWhole && context.Observation.IsConfirmed ? 1 : Unconfirmed;
        return new(rows.Select(row => Array.IndexOf(row, row.Max())).ToValueList(), Enumerable.Repeat(sure, rows.Length).ToValueList())
        {
            Soft = targets.ToValueList(),
            Reasons = [$"Under this loss the head's gradient is a multiple of prediction minus target, which gives the targets: " +
                string.Join("; ", rows.Select(row => Words(row, isWhole))) + "."],
        };
    }

    private static string Words(double[] row, bool isWhole)
    {
        const int Shown = 8;
        var positive = Enumerable.Range(0, row.Length).Where(c => row[c] == 1).ToArray();
        return isWhole && row.Length > 1
            ? positive.Length == 0 ? "0 at every output" : $"1 at output {string.Join(", ", positive)}, 0 elsewhere"
            : string.Join(", ", row.Take(Shown).Select(target => target.ToString("G4", CultureInfo.InvariantCulture)))
                + (row.Length > Shown ? ", ..." : "");
    }

    private static Tensor Double(Tensor values) => values.detach().to(ScalarType.Float64).cpu();
}
