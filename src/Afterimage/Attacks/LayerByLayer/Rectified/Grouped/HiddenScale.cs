namespace Afterimage.Attacks;

/// <summary>
/// The scale of an input that a GroupNorm hides. dL/d input falls as the scale grows, and its sums over the places where the input's ReLU
/// is on are the gradients of the shifts of the normalization in front, which the client sends.
/// </summary>
/// <param name="shiftGradient">dL/d shift of the normalization that the input comes from, [C].</param>
internal sealed class HiddenScale(Tensor shiftGradient)
{
    /// <summary>Values below this share of the largest are not taken for on.</summary>
    private const double Zero = 1e-5;
    private const int Rounds = 20;

    /// <summary>What an input must be multiplied by; 1 where nothing tells it.</summary>
    /// <param name="input">[1,C,H,W].</param>
    /// <param name="falling">The part of dL/d input that falls as the scale grows.</param>
    /// <param name="constant">The part that does not, as through a shortcut; null for none.</param>
    public double Factor(Tensor input, Tensor falling, Tensor? constant = null)
    {
        using var scope = Tidy.Scope();
        var on = input > Math.Max(Zero * input.max().ToDouble(), -1.5 * input.min().ToDouble());
        Tensor Sums(Tensor gradient) => (gradient * on).sum([0, 2, 3]);
        var sums = Sums(falling);
        var left = constant is null ? shiftGradient : shiftGradient - Sums(constant);
        // A value near zero whose ReLU is taken wrongly spoils the sum of its channel, so channels count by how well they fit.
        var (trust, inverse) = (ones_like(sums), 1.0);
        for (var round = 0; round < Rounds; round++)
        {
            inverse = (trust * left * sums).sum().ToDouble() / (trust * sums.square()).sum().ToDouble();
            var open = (left - sums * inverse).square();
            trust = 1 / (open + 0.1 * open.median() + 1e-16 * left.square().mean() + 1e-300);
            trust = trust / trust.max();
        }
        return inverse > 0 && double.IsFinite(inverse) ? 1 / inverse : 1;
    }
}
