using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

/// <summary>
/// Local training of the head alone, for given counts: of one gradient in closed form, of several local steps by drawing images and
/// their order. Only products of features enter, so a run of the head costs no pass through the network; the layers below are
/// taken to stand still.
/// </summary>
internal sealed class HeadRounds(HeadEvidence head, HeadImages images, RandomSource random)
{
    private const int Draws = 24, LargestBatch = 256;

    public HeadMoments Expect(int[] counts) => head.Training is FedAvg average ? Steps(counts, average) : Gradient(counts);

    private HeadMoments Gradient(int[] counts)
    {
        var (classes, batch, n) = (head.Classes, (double)head.Batch, images.Count);
        var (signal, change, covariance) = (new double[classes], new double[classes * classes], new double[classes * classes]);
        var (share, weight, byImage) = (new double[classes * classes], new double[classes * head.Features], new double[classes * n]);
        var values = new double[n][];
        for (var j = 0; j < classes; j++)
        {
            for (var i = 0; i < n; i++)
            {
                var (error, chance, factor) = (images.Error(i, j), images.Draw[i * classes + j], images.Weight(i, j));
                for (var c = 0; c < classes; c++)
                {
                    byImage[c * n + i] += counts[j] / batch * chance * error[c];
                    share[c * classes + j] += counts[j] / batch * chance * error[c];
                    error[c] *= factor;
                    change[j * classes + c] += chance * error[c];
                }
                values[i] = error;
            }
            for (var c = 0; c < classes; c++)
                signal[c] += counts[j] / batch * change[j * classes + c];
            var mean = change.AsSpan(j * classes, classes);
            for (var i = 0; i < n; i++)
                AddSquare(covariance, values[i], mean, Math.Max(counts[j], 0.1) * images.Draw[i * classes + j]);
        }
        images.AddWeight(weight, byImage, share);
        return new(signal, change, covariance, share, weight);
    }

    private HeadMoments Steps(int[] counts, FedAvg training)
    {
        var (classes, n) = (head.Classes, images.Count);
        var scale = Math.Min(1.0, (double)LargestBatch / head.Batch);
        var steps = training.Epochs * training.StepsOf(head.Batch);
        var (rate, sgd) = (-training.GradientFactor(head.Batch) / training.Optimizer.Gain(steps), training.Optimizer as Sgd);
        var run = new HeadRun(images, images.Gram(), classes, head.HasBias, rate, training.Epochs,
            Math.Max(1, (int)Math.Round(Math.Min(training.BatchSize, head.Batch) * scale)), sgd?.Momentum ?? 0, sgd?.Nesterov ?? false);
        var managed = random.Derive("head rounds").Managed();
        var (signals, signal) = (new double[Draws][], new double[classes]);
        var (change, share, weight) = (new double[classes * classes], new double[classes * classes], new double[classes * head.Features]);
        var (byImage, seen, all) = (new double[classes * n], new double[classes], new double[classes]);
        var labels = Enumerable.Range(0, classes).SelectMany(c => Enumerable.Repeat(c, counts[c])).ToArray();
        for (var draw = 0; draw < Draws; draw++)
        {
            managed.Shuffle(labels);
            int[] chosen = scale < 1 ? labels[..LargestBatch] : labels;
            int[] drawn = [.. chosen.Select(label => Pick(label, managed.NextDouble()))];
            var errors = run.Errors(chosen, drawn);
            var own = signals[draw] = new double[classes];
            for (var k = 0; k < chosen.Length; k++)
            {
                var factor = images.Weight(drawn[k], chosen[k]);
                seen[chosen[k]]++;
                for (var c = 0; c < classes; c++)
                {
                    var error = errors[k * classes + c] / chosen.Length;
                    own[c] += factor * error;
                    byImage[c * n + drawn[k]] += error / Draws;
                    share[c * classes + chosen[k]] += error / Draws;
                    change[chosen[k] * classes + c] += factor * errors[k * classes + c];
                    all[c] += factor * errors[k * classes + c] + (c == chosen[k] ? factor : 0);
                }
            }
        }
        var total = seen.Sum();
        for (var j = 0; j < classes; j++)
            for (var c = 0; c < classes; c++)
                change[j * classes + c] = seen[j] > 0 ? change[j * classes + c] / seen[j] : all[c] / total - (c == j ? 1 : 0);
        for (var c = 0; c < classes; c++)
            signal[c] = signals.Average(own => own[c]);
        var covariance = new double[classes * classes];
        foreach (var own in signals)
            AddSquare(covariance, own, signal, (double)head.Batch * head.Batch * scale / (Draws - 1));
        images.AddWeight(weight, byImage, share);
        return new(signal, change, covariance, share, weight);
    }

    private int Pick(int label, double chance)
    {
        var i = 0;
        while (i < images.Count - 1 && (chance -= images.Draw[i * head.Classes + label]) > 0)
            i++;
        return i;
    }

    private static void AddSquare(double[] covariance, double[] value, ReadOnlySpan<double> mean, double factor)
    {
        for (var a = 0; a < value.Length; a++)
        {
            var difference = factor * (value[a] - mean[a]);
            for (var b = 0; b < value.Length; b++)
                covariance[a * value.Length + b] += difference * (value[b] - mean[b]);
        }
    }
}
