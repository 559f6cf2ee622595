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
        var scale = Enumerable.Range(0, Scales).Select(i => guess * Math.Pow(Range, (double)i / (Scales - 1) - 0.5))
            .Append(guess).MinBy(difference);
        for (var width = Math.Pow(Range, 1.0 / (Scales - 1)) - 1; width > 1e-9; width /= 2)
            scale = new[] { scale, scale * (1 + width), scale / (1 + width) }.MinBy(difference);
        return (scale, difference(scale));
    }
}
