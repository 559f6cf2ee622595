using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// Noise that nobody spoke of, as weight gradients of one image show it: dL/dW of a convolution has no more directions than its output has
/// places, and that of a linear layer has one, so that all beyond is noise. It is taken to be alike in every number of the update.
/// </summary>
internal static class NoiseReading
{
    /// <summary>Below this share of a weight gradient it is rounding.</summary>
    private const double Rounding = 1e-6;

    /// <summary>Channels and numbers of a patch for every place from which a convolution shows it.</summary>
    private const double Enough = 1.5;

    /// <summary>Standard deviation of the noise in one number; 0 where none is seen.</summary>
    /// <param name="head">The gradient of the last linear layer's weights.</param>
    /// <param name="blocks">Convolutions with the gradients of their weights.</param>
    public static double Of(Tensor head, IEnumerable<(BlockForm Form, Tensor WeightGradient)> blocks)
    {
        using var scope = Tidy.Scope();
        var outer = OuterProduct.Of(head);
        var seen = blocks.Where(block => block.Form.Conv is { Groups: 1 } conv && Enough * Patches(block.Form)
                <= Math.Min(conv.Output, block.WeightGradient.numel() / conv.Output))
            .Select(block => (Noise: Beyond(block.WeightGradient.flatten(1), Patches(block.Form)), Level: Size(block.WeightGradient)))
            .Append((outer.Noise, outer.Level))
            .Where(each => each.Noise > Rounding * each.Level).Select(each => each.Noise).Order().ToList();
        return seen.Count == 0 ? 0 : seen[seen.Count / 2];
    }

    private static long Patches(BlockForm form) => form.Output[1] * form.Output[2];

    private static double Size(Tensor values) => (values.norm() / Math.Sqrt(values.numel())).ToDouble();

    /// <summary>Root mean square of what lies beyond the first directions.</summary>
    private static double Beyond(Tensor rows, long rank)
    {
        var squares = Factorization.EigenValues(rows.matmul(rows.t()), "The products of a weight gradient's rows").clamp_min(0);
        var rest = rows.shape[0] - rank;
        return (squares.narrow(0, 0, rest).sum() / (rest * (rows.shape[1] - rank))).sqrt().ToDouble();
    }
}
