namespace Afterimage.LabelRecovery;

/// <summary>Plain SGD on the head, in the space of logits: one image's step moves another's by the product of their features.</summary>
/// <param name="gram">Products of features, dummy images first and then the classes' shifts.</param>
/// <param name="bias">Whether the head has one.</param>
internal sealed class HeadRun(HeadImages images, double[] gram, int classes, bool bias, double rate, int epochs, int miniBatch)
{
    private readonly int size = images.Count + classes;

    /// <summary>[B,C]: the mean of each image's error over the epochs.</summary>
    /// <param name="labels">In the order of training.</param>
    /// <param name="drawn">For each image the dummy image that it looks like.</param>
    public double[] Errors(int[] labels, int[] drawn)
    {
        var (batch, logits) = (labels.Length, new double[labels.Length * classes]);
        var (errors, step) = (new double[batch * classes], new double[miniBatch * classes]);
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
                        errors[(from + i) * classes + c] += error[c] * batch / steps;
                    }
                }
                for (var k = 0; k < batch; k++)
                    for (var i = 0; i < count; i++)
                    {
                        var moved = rate / count * Product(drawn[k], labels[k], drawn[from + i], labels[from + i]);
                        for (var c = 0; c < classes; c++)
                            logits[k * classes + c] -= moved * step[i * classes + c];
                    }
            }
        return errors;
    }

    private double Product(int left, int leftLabel, int right, int rightLabel)
    {
        var (leftShift, rightShift) = (images.Count + leftLabel, images.Count + rightLabel);
        double Product(int a, int b) => gram[a * size + b];
        return (bias ? 1 : 0) + Product(left, right) + Product(leftShift, right) + Product(left, rightShift)
            + Product(leftShift, rightShift);
    }
}
