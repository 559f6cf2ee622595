using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

/// <summary>
/// The attacker's probability of every count of every class, whichever rule proposed it: drawn by swaps (Metropolis) from a simulation
/// of the head, or where the model is trained, from a model of its rare errors.
/// </summary>
internal sealed class CountPosterior
{
    /// <summary>Between the knowledge of networks that were only drawn, below 0.1, and of trained ones, about 0.5.</summary>
    private const double Trained = 0.25;

    /// <summary>The probability that an update of which nothing is confirmed is something else.</summary>
    private const double Doubt = 0.2;

    /// <summary>[C][B+1]: how probable each count is.</summary>
    private readonly double[][] chances;

    private CountPosterior(double[][] chances, int[] best, ValueList<string> reasons, bool informed) =>
        (this.chances, Best, Reasons, IsInformed) = (chances, best, reasons, informed);

    /// <summary>The counts with the greatest expected number of right labels.</summary>
    public int[] Best { get; }

    public ValueList<string> Reasons { get; }

    /// <summary>Whether the simulation explains the update, so that the confidence is that of a model of this network.</summary>
    public bool IsInformed { get; }

    public static CountPosterior Of(AttackContext context) =>
        context.Once(round => round.Observation.IsConfirmed ? Find(round) : Find(round).Doubted());

    /// <summary>The probability that a class has this many images.</summary>
    public double Exactly(int c, int count) => Chance(chances[c][count]);

    /// <summary>The probability that a class has at least this many images.</summary>
    public double AtLeast(int c, int count) => Chance(chances[c].Skip(count).Sum());

    // Sums of shares of draws are 1 but for rounding.
    private static double Chance(double sum) => sum > 1 - 1e-9 ? 1 : Math.Max(0, sum);

    /// <summary>The same counts, none of them sure: the update may not be what it is taken for.</summary>
    private CountPosterior Doubted() => new(
        [.. chances.Select(row => row.Select(chance => (1 - Doubt) * chance + Doubt / row.Length).ToArray())], Best,
        [.. Reasons, "Nobody said what the update is, and its head does not confirm that it is the mean gradient of such a batch, so no " +
            "count is sure."], IsInformed);

    private static CountPosterior Find(AttackContext context)
    {
        var head = HeadEvidence.Of(context);
        if (head.IsZero)
            return Open(head, "The head's update is zero, so nothing says what the labels are: " +
                "the model was certain of every image, or the client did not train.");
        if (head.Contradiction is { } contradiction)
            return Open(head, contradiction);
        if (head.Batch == 1 && head.HasBias)
            return Single(head, head.Bias("counts"));
        var images = new HeadImages(head, DummyHead.Of(context));
        var signal = head.Signal(images.Along);
        if (head.Batch == 1)
            return Single(head, signal);
        var negative = signal.Select(entry => entry < -10 * head.Noise).ToArray();
        var certain = head.IsGradient && head.HasBias && negative.Count(sign => sign) <= head.Batch ? negative : new bool[head.Classes];
        // A trained model's predictions for procedural images do not show how it errs on images that it has learned.
        var trained = images.Knowledge > Trained;
        var path = head.IsGradient || !head.HasBias || trained ? null : UpdateCounts.MeanPrediction(context);
        CountModel model = trained ? new HardImages(head, signal, certain, ErrorFlows.Lost(head, signal))
            : new SimulatedCounts(head, images, signal, certain, path, new RandomSource(0).Derive("counts"));
        var informed = !trained;
        if (trained)
            model.Descend();
        var (chances, best) = Draw(model, new RandomSource(0).Derive("swaps").Managed());
        return new(chances, best, Said(head, certain, informed).ToValueList(), informed);
    }

    private static IEnumerable<string> Said(HeadEvidence head, bool[] certain, bool informed)
    {
        if (certain.Any(sign => sign))
            yield return $"The head's bias gradient is negative at {certain.Count(sign => sign)} of {head.Classes} classes, " +
                "which are in the batch for certain.";
        if (!head.HasBias)
            yield return "The head has no bias: its weight gradient along the mean feature of dummy images stands in for the bias " +
                "gradient.";
        yield return informed
            ? "A simulation of the head on dummy images explains its update, so counts follow from the model's own predictions."
            : "The model is trained: images of which it is certain leave no trace in its gradient, and the counts rest on the few hard " +
                "ones.";
    }

    private static (double[][] Chances, int[] Best) Draw(CountModel model, Random random)
    {
        var (classes, batch) = (model.Classes, model.Batch);
        var chances = Enumerable.Range(0, classes).Select(_ => new double[batch + 1]).ToArray();
        var steps = model.Steps;
        for (var step = -steps / 4; step < steps; step++)
        {
            var (from, to) = (random.Next(classes), random.Next(classes));
            var images = random.Next(2) == 0 ? 1 : 1 + random.Next(Math.Max(1, batch / 8));
            if (from != to && model.Allows(from, images) && Math.Log(random.NextDouble()) < -model.Difference(from, to, images))
                model.Move(from, to, images);
            if (step % 4 == 0)
                model.Vary(random);
            for (var c = 0; step >= 0 && c < classes; c++)
                chances[c][model.Counts[c]] += 1.0 / steps;
        }
        return (chances, MostRight(chances, batch));
    }

    /// <summary>Gives each image to the class that most probably has one more: the counts of which most are expected to be right.</summary>
    private static int[] MostRight(double[][] chances, int batch)
    {
        var best = new int[chances.Length];
        var tails = chances.Select(chance => chance.Skip(1).Sum()).ToArray();
        for (var k = 0; k < batch; k++)
        {
            var c = Array.IndexOf(tails, tails.Max());
            best[c]++;
            tails[c] = best[c] < batch ? tails[c] - chances[c][best[c]] : double.NegativeInfinity;
        }
        return best;
    }

    private static CountPosterior Single(HeadEvidence head, double[] signal)
    {
        var order = Enumerable.Range(0, head.Classes).OrderBy(c => signal[c]).ToArray();
        var noise = head.HasBias ? head.SentNoise : head.Noise;
        var clear = signal[order[0]] < -10 * noise
            && (head.Classes == 1 || signal[order[1]] > (head.HasBias ? -10 * noise : signal[order[0]] / 2));
        var sure = clear ? 1 : 1.0 / head.Classes;
        var other = (1 - sure) / Math.Max(1, head.Classes - 1);
        return new([.. Enumerable.Range(0, head.Classes).Select(c => c == order[0] ? new[] { 1 - sure, sure } : [1 - other, other])],
            [.. Enumerable.Range(0, head.Classes).Select(c => c == order[0] ? 1 : 0)],
            [clear ? "The batch has one image, and the head's gradient is negative at its class alone."
                : $"The head's update of the one image is lost in {(head.IsNoisy ? "noise or in what was left out" : "rounding")}, so " +
                    "its class is a guess."], clear);
    }

    private static CountPosterior Open(HeadEvidence head, string reason)
    {
        var (classes, batch) = (head.Classes, head.Batch);
        var chances = Enumerable.Range(0, classes).Select(_ => Enumerable.Repeat(1.0 / (batch + 1), batch + 1).ToArray()).ToArray();
        // The least entries are still the likeliest classes.
        var likely = head.HasBias && !head.IsZero ? head.Bias("counts").Select(entry => -entry) : Enumerable.Repeat(0.0, classes);
        var best = Counting.Round([.. likely.Select(entry => (double)batch / classes + entry)], [], batch);
        return new(chances, best, [reason], false);
    }
}
