using Afterimage.Federation;
using Afterimage.Numerics.Arrays;

namespace Afterimage.UpdateFiles;

/// <summary>The number format of a file, and what rounding to it leaves of an update.</summary>
internal static class WeightFormat
{
    /// <summary>Rounding of uniformly spread digits to one bit, relative to the root mean square of the rounded numbers.</summary>
    private const double OneBit = 0.424;

    /// <summary>
    /// The channel of an update that was sent in this file; none where rounding is below a thousandth of the update, as the rounding of
    /// gradients in float32 is not counted either.
    /// </summary>
    /// <param name="file">What the client sent.</param>
    /// <param name="sent">The numbers of the file: weights, or the update itself.</param>
    /// <param name="update">What the numbers become when the weights before are subtracted; the same where nothing is.</param>
    /// <param name="scale">The update is the difference times this.</param>
    public static Channel Rounding(UpdateFile file, GradientSet sent, GradientSet update, double scale)
    {
        const double Negligible = 1e-3;
        var (name, bits, smallest) = file.Content.Arrays.Select(array => array.Type).Max(Coarseness) switch
        {
            2 => ("bfloat16", 8, 0.0),
            1 => ("float16", 11, Math.Pow(2, -24)),
            _ => ("float32", 24, 0.0),
        };
        if (file.Quantization.Count > 0)
            name = "8 bits, block by block";
        else if (ReferenceEquals(sent, update))
            return name switch
            {
                "bfloat16" => new ReducedPrecision { Format = NumberFormat.BFloat16 }.Known(),
                "float16" => new ReducedPrecision { Format = NumberFormat.Float16 }.Known(),
                _ => Channel.None,
            };
        using var scope = Tidy.Scope();
        var quantized = file.Quantization.ToDictionary(pair => ArrayNames.WithoutWrappers([pair.Key])[0], pair => pair.Value);
        double Deviation(Tensor numbers, string parameter) => Math.Abs(scale) * Math.Sqrt(
            Math.Pow(OneBit * Math.Pow(2, -bits), 2) * numbers.square().mean().ToDouble() + smallest * smallest / 12
            + Math.Pow(quantized.GetValueOrDefault(ArrayNames.WithoutWrappers([parameter])[0]), 2));
        var left = new WeightRounding(name, sent.Layout.Entries.Select((entry, i) => Deviation(sent[i], entry.Name)).ToValueList());
        return left.Floor(update) < Negligible ? Channel.None : left;
    }

    private static int Coarseness(ElementType type) => type switch { ElementType.BFloat16 => 2, ElementType.Float16 => 1, _ => 0 };
}
