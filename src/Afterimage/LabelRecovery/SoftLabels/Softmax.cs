namespace Afterimage.LabelRecovery;

internal static class Softmax
{
    public static double[] Of(ReadOnlySpan<double> logits)
    {
        var p = logits.ToArray();
        InPlace(p);
        return p;
    }

    public static void InPlace(Span<double> logits)
    {
        var largest = double.NegativeInfinity;
        foreach (var logit in logits)
            largest = Math.Max(largest, logit);
        var sum = 0.0;
        foreach (ref var logit in logits)
            sum += logit = Math.Exp(logit - largest);
        foreach (ref var logit in logits)
            logit /= sum;
    }
}
