namespace Afterimage.LabelRecovery;

/// <summary>
/// SGD on the head, in the space of logits: one image's step moves another's by the product of their features. With momentum an early step
/// counts more than a late one, for it moves the weights again in every later step.
/// </summary>
/// <param name="gram">Products of features, dummy images first and then the classes' shifts.</param>
/// <param name="bias">Whether the head has one.</param>
/// <param name="momentum">Of SGD; 0 for none.</param>
/// <param name="nesterov">Whether it is Nesterov's.</param>
internal sealed class HeadRun(HeadImages images, double[] gram, int classes, bool bias, double rate, int epochs, int miniBatch,
    double momentum = 0, bool nesterov = false)
{
    private readonly int size = images.Count + classes;

    /// <summary>[B,C]: the mean of each image's error over the epochs, weighted by what its step moves.</summary>
    /// <param name="labels">In the order of training.</param>
    /// <param name="drawn">For each image the dummy image that it looks like.</param>
    public double[] Errors(int[] labels, int[] drawn)
    {
        var (batch, logits) = (labels.Length, new double[labels.Length * classes]);
        var (errors, step) = (new double[batch * classes], new double[miniBatch * classes]);
        var velocity = momentum == 0 ? null : new double[batch * classes];
        var shares = Shares(epochs * ((batch + miniBatch - 1) / miniBatch));
        var pushes = velocity is null ? [] : new double[batch * classes];
        var number = 0;
        for (var k = 0; k < batch; k++)
            images.Logits(drawn[k], labels[k]).CopyTo(logits.AsSpan(k * classes));
        for (var epoch = 0; epoch < epochs; epoch++)
            for (var from = 0; from < batch; from += miniBatch)
            {
                var count = Math.Min(miniBatch, batch - from);
                for (var i = 0; i < count; i++)
                {
                    var error = step.AsSpan(i * classes, classes);
                    logits.AsSpan((from + i) * classes, classes).CopyTo(error);
                    Softmax.InPlace(error);
                    error[labels[from + i]]--;
                    // The last step of an epoch may have fewer images, each of which then weighs more.
                    for (var c = 0; c < classes; c++)
                    {
                        var steps = (double)count * ((batch + miniBatch - 1) / miniBatch) * epochs;
                        errors[(from + i) * classes + c] += shares[number] * error[c] * batch / steps;
                    }
                }
                for (var k = 0; k < batch; k++)
                    for (var i = 0; i < count; i++)
                    {
                        var moved = rate / count * Product(drawn[k], labels[k], drawn[from + i], labels[from + i]);
                        var row = velocity is null ? logits : pushes;
                        for (var c = 0; c < classes; c++)
                            row[k * classes + c] -= moved * step[i * classes + c];
                    }
                if (velocity is not null)
                    Carry(logits, velocity, pushes);
                number++;
            }
        return errors;
    }

    private void Carry(double[] logits, double[] velocity, double[] pushes)
    {
        for (var i = 0; i < logits.Length; i++)
        {
            velocity[i] = momentum * velocity[i] + pushes[i];
            logits[i] += nesterov ? pushes[i] + momentum * velocity[i] : velocity[i];
            pushes[i] = 0;
        }
    }

    /// <summary>How much each step's gradient counts in the difference, 1 on average.</summary>
    private double[] Shares(int steps)
    {
        var gains = new double[steps];
        var (sum, power) = (nesterov ? 1.0 : 0.0, nesterov ? momentum : 1.0);
        for (var left = 1; left <= steps; left++)
        {
            sum += power;
            power *= momentum;
            gains[steps - left] = sum;
        }
        var mean = gains.Average();
        return [.. gains.Select(gain => gain / mean)];
    }

    private double Product(int left, int leftLabel, int right, int rightLabel)
    {
        var (leftShift, rightShift) = (images.Count + leftLabel, images.Count + rightLabel);
        double Product(int a, int b) => gram[a * size + b];
        return (bias ? 1 : 0) + Product(left, right) + Product(leftShift, right) + Product(left, rightShift)
            + Product(leftShift, rightShift);
    }
}
