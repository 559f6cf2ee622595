namespace Afterimage.Reports.Html;

internal readonly record struct Tick(double Value, string Label);

/// <summary>One axis of a plot: the position of a value, from 0 to 1, and the values that are labeled.</summary>
internal abstract record Scale(IReadOnlyList<Tick> Ticks)
{
    public abstract double At(double value);
}

internal sealed record LinearScale(double Low, double High, IReadOnlyList<Tick> Ticks) : Scale(Ticks)
{
    public override double At(double value) => (value - Low) / (High - Low);

    /// <summary>From and to round numbers, with about five ticks.</summary>
    public static LinearScale Covering(double low, double high)
    {
        if (high - low < 1e-12 * Math.Max(1, Math.Abs(high)))
            (low, high) = (low - 0.5, high + 0.5);
        var rough = (high - low) / 4;
        var power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        var step = power * new[] { 1, 2, 2.5, 5, 10 }.First(factor => factor * power >= rough * 0.999);
        var first = (long)Math.Floor(low / step + 1e-9);
        var last = (long)Math.Ceiling(high / step - 1e-9);
        var marks = Enumerable.Range(0, (int)(last - first) + 1).Select(index => (first + index) * step).ToArray();
        return new(marks[0], marks[^1], [.. marks.Select(mark => new Tick(mark, Label(mark)))]);
    }

    private static string Label(double value) =>
        Math.Abs(value) is >= 1000 and < 1e7 ? Numbers.Count((long)Math.Round(value)) : Numbers.Short(value);
}

internal sealed record LogScale(double Low, double High, IReadOnlyList<Tick> Ticks) : Scale(Ticks)
{
    public override double At(double value) => Math.Log(value / Low) / Math.Log(High / Low);

    /// <summary>Whole decades, at most seven of them labeled.</summary>
    public static LogScale Covering(double low, double high)
    {
        var first = (int)Math.Floor(Math.Log10(low) + 1e-9);
        var last = Math.Max(first + 1, (int)Math.Ceiling(Math.Log10(high) - 1e-9));
        var step = (last - first + 5) / 6;
        var marks = Enumerable.Range(0, (last - first) / step + 1).Select(index => first + index * step);
        return new(Math.Pow(10, first), Math.Pow(10, last),
            [.. marks.Select(exponent => new Tick(Math.Pow(10, exponent), Label(exponent)))]);
    }

    private static string Label(int exponent) =>
        exponent is >= -1 and <= 2 ? Numbers.Short(Math.Pow(10, exponent)) : Numbers.PowerOfTen(exponent);
}

/// <summary>The given values, two or more, evenly spaced.</summary>
internal sealed record OrdinalScale(IReadOnlyList<double> Values, IReadOnlyList<Tick> Ticks) : Scale(Ticks)
{
    public override double At(double value) => (double)Values.Index().First(pair => pair.Item == value).Index / (Values.Count - 1);
}
