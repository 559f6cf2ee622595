namespace Afterimage.Attacks;

/// <summary>A positive number of unknown magnitude that makes a difference least.</summary>
internal static class ScaleSearch
{
    private const int Scales = 121;

    /// <summary>Of the scales looked at, the largest over the smallest.</summary>
    private const double Range = 1e6;

    /// <param name="guess">In the middle of the scales looked at.</param>
    /// <param name="difference">Of a scale.</param>
    public static (double Scale, double Difference) Least(double guess, Func<double, double> difference)
    {
        var best = Enumerable.Range(0, Scales).Select(i => guess * Math.Pow(Range, (double)i / (Scales - 1) - 0.5))
            .Append(guess).Select(scale => (Scale: scale, Difference: difference(scale))).MinBy(tried => tried.Difference);
        return Near(best, Math.Pow(Range, 1.0 / (Scales - 1)) - 1, difference);
    }

    /// <summary>The same near a scale that is nearly right.</summary>
    /// <param name="best">That scale with its difference.</param>
    /// <param name="width">How far it may be off, relative.</param>
    /// <param name="difference">Of a scale.</param>
    public static (double Scale, double Difference) Near(
        (double Scale, double Difference) best, double width, Func<double, double> difference)
    {
        for (; width > 1e-9; width /= 2)
            foreach (var scale in new[] { best.Scale * (1 + width), best.Scale / (1 + width) })
                if (difference(scale) is var tried && tried < best.Difference)
                {
                    best = (scale, tried);
                    break;
                }
        return best;
    }
}
