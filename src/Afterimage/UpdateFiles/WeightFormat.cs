using Afterimage.Federation;
using Afterimage.Numerics.Arrays;

namespace Afterimage.UpdateFiles;

/// <summary>The floating-point format of weights in a file, and what rounding to it leaves of a difference.</summary>
internal static class WeightFormat
{
    /// <summary>Rounding of uniformly spread digits to one bit, relative to the root mean square of the rounded numbers.</summary>
    private const double OneBit = 0.424;

    /// <summary>
    /// The channel of a difference to weights that were sent in this file; none where rounding is below a thousandth of the difference,
    /// as the rounding of gradients in float32 is not counted either.
    /// </summary>
    /// <param name="file">The weights after training.</param>
    /// <param name="after">The same numbers.</param>
    /// <param name="difference">What is left when the weights before are subtracted.</param>
    public static Channel Rounding(ArrayFile file, GradientSet after, GradientSet difference)
    {
        const double Negligible = 1e-3;
        var (name, bits, smallest) = file.Arrays.Select(array => array.Type).Max(Coarseness) switch
        {
            2 => ("bfloat16", 8, 0.0),
            1 => ("float16", 11, Math.Pow(2, -24)),
            _ => ("float32", 24, 0.0),
        };
        using var scope = Tidy.Scope();
        double Deviation(Tensor weights) =>
            Math.Sqrt(Math.Pow(OneBit * Math.Pow(2, -bits), 2) * weights.square().mean().ToDouble() + smallest * smallest / 12);
        var left = new WeightRounding(name, after.Split().Select(Deviation).ToValueList());
        return left.Floor(difference) < Negligible ? Channel.None : left;
    }

    private static int Coarseness(ElementType type) => type switch { ElementType.BFloat16 => 2, ElementType.Float16 => 1, _ => 0 };
}
