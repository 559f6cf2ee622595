namespace Afterimage.Federation;

/// <summary>The evenly spaced values of a quantized tensor.</summary>
/// <param name="Step">Their spacing; 0 where they lie on no coarse grid.</param>
/// <param name="Smallest">The smallest magnitude above zero.</param>
/// <param name="Largest">The largest magnitude.</param>
/// <param name="Size">Root mean square.</param>
/// <param name="Count">Of numbers.</param>
internal sealed record ValueGrid(double Step, double Smallest, double Largest, double Size, int Count)
{
    /// <summary>Whether values lie on a grid of which none around zero is left out.</summary>
    public bool IsWhole => Largest == 0 || (Step > 0 && Smallest < 1.5 * Step);

    /// <summary>Steps up to the largest magnitude.</summary>
    public double Fineness => Step > 0 ? Largest / Step : 0;

    /// <summary>With no fewer steps than that.</summary>
    public ValueGrid Finer(double fineness) => Fineness < fineness ? this with { Step = Largest / fineness } : this;

    /// <param name="values">Of one tensor.</param>
    /// <param name="levels">Different values at most.</param>
    public static ValueGrid Of(double[] values, int levels)
    {
        var different = new HashSet<double>();
        foreach (var value in values)
            if (different.Add(value) && different.Count > levels)
                return new(0, 0, double.PositiveInfinity, 0, values.Length);
        var sizes = different.Select(Math.Abs).Where(size => size > 0).DefaultIfEmpty().ToArray();
        return new(Spacing([.. different.Order()]), sizes.Min(), sizes.Max(),
            TensorPrimitives.Norm<double>(values) / Math.Sqrt(values.Length), values.Length);
    }

    private static double Spacing(double[] distinct)
    {
        if (distinct.Length < 2)
            return 0;
        var gaps = distinct.Zip(distinct.Skip(1), (low, high) => high - low).ToArray();
        var step = gaps.Min();
        return gaps.All(gap => Math.Abs(gap / step - Math.Round(gap / step)) < 0.02 * Math.Round(gap / step)) ? step : 0;
    }
}
