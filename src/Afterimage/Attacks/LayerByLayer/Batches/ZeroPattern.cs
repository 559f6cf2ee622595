namespace Afterimage.Attacks;

/// <summary>
/// The combination S v whose zeros determine it, nearest to a first guess; and whether its zeros are an image's own. An image behind a ReLU
/// is zero at many places, and each of these zeros follows from the others. A combination that merely touches zero here and there, as every
/// corner of the cone does, has zeros that follow from no other.
/// </summary>
internal sealed class ZeroPattern
{
    /// <summary>What counts as zero, as a share of the largest number: from a guess to what is certain.</summary>
    private static readonly double[] Widths = [3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5];

    /// <summary>What counts as zero in errors of a number.</summary>
    private const double Errors = 5;

    /// <summary>How much wider the window is in which accidental zeros would become more.</summary>
    private const double Wider = 4;

    /// <summary>The share of a direction's strength in the wider window that the zeros themselves must have.</summary>
    private const double OwnShare = 0.6;

    /// <summary>No single zero may decide more of any direction than this.</summary>
    private const double MostLeverage = 0.7;

    private readonly Tensor space;
    private readonly Tensor errors;

    /// <param name="space">S, [numbers,B], orthonormal.</param>
    /// <param name="errors">Of each number for v of length one, [numbers].</param>
    public ZeroPattern(Tensor space, Tensor errors) => (this.space, this.errors) = (space, errors);

    /// <summary>v of length one with a positive sum, and its share of zeros.</summary>
    public (double[] Direction, double Zeros) Nearest(double[] guess)
    {
        using var scope = Tidy.Scope();
        var v = tensor(guess);
        foreach (var width in Widths)
        {
            var zeros = Within(v, width, Errors);
            if (zeros.sum().ToInt64() < guess.Length)
                break;
            v = Kernel(space[zeros]);
        }
        v *= space.matmul(v).sum().sign();
        return (v.data<double>().ToArray(), Within(v, Widths[^1], Errors).to(ScalarType.Float64).mean().ToDouble());
    }

    /// <summary>Whether S v is nowhere negative and its zeros support one another.</summary>
    public bool IsImage(double[] direction)
    {
        using var scope = Tidy.Scope();
        var v = tensor(direction);
        var values = space.matmul(v);
        var largest = values.abs().max();
        if ((values < -(2 * Errors * errors + Widths[^1] * largest)).any().ToBoolean())
            return false;
        var (zeros, near) = (space[Within(v, Widths[^1], Errors)], space[Within(v, Wider * Widths[^1], Wider * Errors)]);
        if (zeros.shape[0] < 2 * direction.Length)
            return false;
        var (strengths, axes) = Factorization.Eigen(near.t().matmul(near), Name);
        // All directions but the image's own, in the frame in which the wider window is white.
        var white = axes[.., 1..] * (strengths[1..].clamp(min: 1e-14 * strengths[-1].ToDouble())).rsqrt();
        var own = Factorization.Eigen(white.t().matmul(zeros.t()).matmul(zeros.matmul(white)), Name);
        if (own.Values[0].ToDouble() < OwnShare)
            return false;
        var leverage = zeros.matmul(white).matmul(own.Vectors) / own.Values.sqrt();
        return leverage.square().sum([1]).max().ToDouble() < MostLeverage;
    }

    private const string Name = "The second moment of an image's zeros";

    private Tensor Within(Tensor v, double width, double count)
    {
        var size = space.matmul(v).abs();
        return size < maximum(count * errors, width * size.max());
    }

    private static Tensor Kernel(Tensor rows) => Factorization.Eigen(rows.t().matmul(rows), Name).Vectors[.., 0].clone();
}
