namespace Afterimage.Attacks;

/// <summary>What the gradient of the final linear layer says of a single image.</summary>
/// <param name="LogitGradient">Derivative of the loss with respect to the logits, p - y, shape [1,classes].</param>
/// <param name="Label">The class whose entry of the gradient is negative.</param>
internal sealed record HeadReading(Tensor LogitGradient, int Label)
{
    /// <summary>
    /// With a bias its gradient is p - y, so there is one reading. Without one the weight gradient, an outer product, gives both
    /// factors up to a scale t, and softmax(t W v) - e_y = (s / t) u decides t: the root is unique in general for three classes or more;
    /// with two and a confident right answer there can be several.
    /// </summary>
    public static IReadOnlyList<HeadReading> Of(Stage head)
    {
        if (head.BiasGradient is { } bias)
        {
            var logitGradient = bias.view(1, -1);
            return logitGradient.norm().ToDouble() == 0 ? [] : [new(logitGradient, (int)logitGradient.argmin().ToInt64())];
        }
        var (u, s, vh) = Factorization.Svd(head.WeightGradient!, "The head's weight gradient");
        var strength = s[0].ToDouble();
        if (strength == 0)
            return [];
        var roots = new[] { 1.0, -1.0 }
            .SelectMany(sign => Roots(head, u[TensorIndex.Colon, 0] * sign, vh[0] * sign, strength))
            .OrderBy(root => root.Fault).ToList();
        return [.. roots.Where(root => root.Fault <= 30 * roots[0].Fault + 1e-5).Take(4).Select(root => root.Reading)];
    }

    private static IEnumerable<(HeadReading Reading, double Fault)> Roots(Stage head, Tensor u, Tensor v, double strength)
    {
        var signs = u.data<double>().ToArray();
        var label = Array.IndexOf(signs, signs.Min());
        if (signs[label] >= 0 || (signs.Length > 2 && signs.Where((_, i) => i != label).Sum() <= 0))
            yield break;
        var (direction, logits) = (signs, head.Weight!.matmul(v).data<double>().ToArray());
        var fixedPart = head.Bias?.data<double>().ToArray() ?? new double[logits.Length];

        // p_y - 1 = (s / t) u_y at the label: one equation for t. The others judge its roots.
        double Gap(double t) => t * (Softmax(logits, fixedPart, t)[label] - 1) - strength * direction[label];
        const int steps = 600;
        var (before, gap) = (1e-4, Gap(1e-4));
        for (var i = 1; i <= steps; i++)
        {
            var t = 1e-4 * Math.Pow(1e9, (double)i / steps);
            var next = Gap(t);
            if (gap * next <= 0)
            {
                var root = Bisect(Gap, before, t);
                var p = Softmax(logits, fixedPart, root);
                p[label] -= 1;
                var gaps = p.Zip(direction, (left, right) => left - strength / root * right);
                var fault = Math.Sqrt(gaps.Sum(difference => difference * difference)) * root / strength;
                yield return (new((u * (strength / root)).view(1, -1), label), fault);
            }
            (before, gap) = (t, next);
        }
    }

    private static double Bisect(Func<double, double> function, double low, double high)
    {
        var negative = function(low) <= 0;
        for (var i = 0; i < 200 && high - low > 1e-16 * high; i++)
        {
            var middle = (low + high) / 2;
            if (function(middle) <= 0 == negative)
                low = middle;
            else
                high = middle;
        }
        return (low + high) / 2;
    }

    private static double[] Softmax(double[] slopes, double[] fixedPart, double t)
    {
        var logits = slopes.Zip(fixedPart, (slope, bias) => slope * t + bias).ToArray();
        var largest = logits.Max();
        var exponentials = logits.Select(logit => Math.Exp(logit - largest)).ToArray();
        var sum = exponentials.Sum();
        return [.. exponentials.Select(value => value / sum)];
    }
}
