namespace Afterimage.Attacks;

/// <summary>
/// How far errors have spread the zeros of values that come out of a ReLU. Zeros are many, and behind them few values follow: as many as
/// everywhere near zero. It needs no estimate of the errors, which says little where dL/dz is a little wrong.
/// </summary>
internal static class ZeroEdge
{
    /// <summary>Edges that are tried, relative to the root mean square of the values.</summary>
    private const double Least = 1e-6, Most = 1e-3, Step = 2;

    /// <summary>Values between an edge and so many times it show whether the zeros have ended.</summary>
    private const double Behind = 4;

    /// <summary>Where values are not zero for certain, relative: there it is seen how many to expect near zero.</summary>
    private const double From = 0.01, To = 0.1;

    /// <summary>More than so many times the values to expect belong to the zeros; so many happen to be there.</summary>
    private const double Dense = 4, Few = 3;

    /// <summary>The edge; zero where the zeros do not end.</summary>
    /// <param name="values">Of any shape.</param>
    public static double Of(Tensor values)
    {
        using var scope = Tidy.Scope();
        var size = values.square().mean().sqrt().ToDouble();
        long Below(double edge) => (values <= edge * size).sum().ToInt64();
        var density = (Below(To) - Below(From)) / (To - From);
        for (var edge = Least; edge < Most; edge *= Step)
            if (Below(Behind * edge) - Below(edge) <= Dense * density * (Behind - 1) * edge + Few)
                return edge * size;
        return 0;
    }
}
