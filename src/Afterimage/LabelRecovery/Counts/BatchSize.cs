using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.LabelRecovery;

/// <summary>
/// How many images an update stands for, where nobody says. The head's weight gradient has one direction for each image, so its rank is
/// the batch size below the number of classes and a bound above; there the counts B (p - g) of all classes must be whole for the
/// right B, with the mean prediction p of dummy images.
/// </summary>
public static class BatchSize
{
    private const int Largest = 512;
    private const double RankTolerance = 1e-6, Drift = 0.05, Whole = 1e-4;

    /// <summary>The most probable size; where the update says nothing, one image at no confidence.</summary>
    /// <param name="model">The shared model.</param>
    /// <param name="update">What the client sent.</param>
    /// <param name="training">How the client trained, as far as known.</param>
    /// <param name="channel">Directions that its noise could make alone count for none.</param>
    public static BatchEstimate Estimate(VictimModel model, GradientSet update, LocalTraining training, Channel? channel = null)
    {
        if (training is HiddenTraining)
            return new(1, 0, 1, "Neither the batch size nor the local training is known, so nothing sets the scale of the update; " +
                "one image is assumed.");
        using var context = new AttackContext
        {
            Model = model,
            Observation = new() { Update = update, Training = training, BatchSize = 1, Channel = channel ?? Channel.None },
            Random = new RandomSource(0).Derive("batch size"),
        };
        var head = HeadEvidence.Of(context);
        if (head.IsZero)
            return new(1, 0, 1, "The head's update is zero, so nothing says how many images are behind it; one is assumed.");
        var rank = Rank(head, channel is null ? 0 : channel.RelativeDeviation(update));
        if (head.IsGradient && rank < head.Classes - 1)
            return new(rank, rank == 1 || head.Features > head.Classes ? 0.95 : 0.7, rank,
                $"The head's gradient has rank {rank}, below the number of classes, so it stands for " +
                $"{rank} image{(rank == 1 ? "" : "s")} with features of their own.");
        return ByWholeCounts(head, new HeadImages(head, DummyHead.Of(context)), head.IsGradient ? rank : 1);
    }

    private static int Rank(HeadEvidence head, double noise)
    {
        using var scope = Tidy.Scope();
        // A matrix of noise alone has no strength above this, but for one in thousands.
        var alone = 1.2 * noise * Math.Sqrt(TensorPrimitives.Dot(head.WeightGradient, head.WeightGradient) / head.WeightGradient.Length)
            * (Math.Sqrt(head.Classes) + Math.Sqrt(head.Features));
        var strengths = Factorization.SingularValues(
            tensor(head.WeightGradient, [head.Classes, head.Features], ScalarType.Float64), "The head's weight gradient")
            .data<double>().ToArray();
        return Math.Max(1, strengths.Count(strength => strength > Math.Max(RankTolerance * strengths[0], alone)));
    }

    private static BatchEstimate ByWholeCounts(HeadEvidence head, HeadImages images, int atLeast)
    {
        var signal = head.Signal(images.Along);
        var spread = Enumerable.Range(0, head.Classes).Select(c => Variance(images, head.Classes, c)).ToArray();
        var scores = new double[Largest + 1];
        for (var size = 1; size <= Largest; size++)
            scores[size] = size < atLeast ? double.NegativeInfinity : Score(head, images, signal, spread, size);
        var best = Array.IndexOf(scores, scores.Skip(1).Max(), 1);
        var total = scores.Skip(1).Sum(score => Math.Exp(score - scores[best]));
        var bound = atLeast > 1 ? $"The head's gradient has rank {atLeast}, so there are at least that many images; counts" : "Counts";
        return new(best, 1 / total, atLeast, $"{bound} of all classes come nearest to whole numbers for {best}.");
    }

    /// <summary>The log likelihood of whole counts, over that of any numbers, less the log of the size.</summary>
    private static double Score(HeadEvidence head, HeadImages images, double[] signal, double[] spread, int size)
    {
        // The signal was divided by the steps of one image; of more images there are more steps.
        var steps = head.Training.GradientFactor(size) / head.Training.GradientFactor(1);
        var score = -Math.Log(size);
        for (var c = 0; c < head.Classes - 1; c++)
        {
            var count = size * (images.MeanProbability[c] - signal[c] / steps);
            var drift = head.IsGradient ? 0 : Drift * size * images.MeanProbability[c];
            var variance = (size + (double)size * size / images.Count) * spread[c] + drift * drift + Whole + Math.Pow(size * head.Noise, 2);
            var nearest = Math.Max(0, Math.Round(count));
            var chance = 0.0;
            for (var k = Math.Max(0, nearest - 3); k <= nearest + 3; k++)
                chance += Math.Exp(-(count - k) * (count - k) / (2 * variance)) / Math.Sqrt(2 * Math.PI * variance);
            score += Math.Log(Math.Max(1e-12, Math.Min(chance, 1 / Math.Sqrt(2 * Math.PI * variance))));
        }
        return score;
    }

    private static double Variance(HeadImages images, int classes, int c)
    {
        var mean = images.MeanProbability[c];
        var values = Enumerable.Range(0, images.Count).Select(i => images.Draw[i * classes + c] * mean * images.Count);
        return values.Average(value => (value - mean) * (value - mean));
    }
}
