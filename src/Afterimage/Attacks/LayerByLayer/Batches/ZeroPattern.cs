namespace Afterimage.Attacks;

/// <summary>
/// The combination S v whose zeros determine it, nearest to a first guess; and whether its zeros are an image's own. An image behind a ReLU
/// is zero at many places, and each of these zeros follows from the others. A combination that merely touches zero here and there, as every
/// corner of the cone does, has zeros that follow from no other.
/// </summary>
internal sealed class ZeroPattern
{
    /// <summary>What counts as zero, as a share of the largest number: from a guess to what is certain.</summary>
    private static readonly double[] Widths = [3e-3, 3e-4, 3e-5, 1e-5];

    /// <summary>What counts as zero in errors of a number.</summary>
    private const double Errors = 5;

    /// <summary>How much larger the errors of a combination may be than is expected.</summary>
    private const double MostErrors = 5;

    /// <summary>How much wider the window is in which accidental zeros would become more.</summary>
    private const double Wider = 4;

    /// <summary>The share of a direction's strength in the wider window that the zeros themselves must have.</summary>
    private const double OwnShare = 0.6;

    /// <summary>How far above errors the weakest of the other directions is at an image's zeros.</summary>
    private const double Determined = 30;

    /// <summary>No single zero may decide more of any direction than this.</summary>
    private const double MostLeverage = 0.7;

    private const string Name = "The second moment of an image's zeros";

    private readonly Tensor space;
    private readonly Tensor errors;

    /// <param name="space">S, [numbers,B], orthonormal.</param>
    /// <param name="errors">Of each number for v of length one, [numbers].</param>
    public ZeroPattern(Tensor space, Tensor errors) => (this.space, this.errors) = (space, errors);

    /// <summary>v of length one with a positive sum.</summary>
    public double[] Nearest(double[] guess)
    {
        using var scope = Tidy.Scope();
        var v = tensor(guess);
        foreach (var width in Widths)
        {
            var rows = space[Zeros(space.matmul(v), errors, width)];
            // So few are the corner's own.
            if (rows.shape[0] < 2 * guess.Length)
                break;
            v = Factorization.Eigen(rows.t().matmul(rows), Name).Vectors[.., 0].clone();
        }
        v *= space.matmul(v).sum().sign();
        return v.data<double>().ToArray();
    }

    /// <summary>Whether S v is nowhere negative and its zeros support one another.</summary>
    public bool IsImage(double[] direction)
    {
        using var scope = Tidy.Scope();
        var values = space.matmul(tensor(direction));
        if ((values < -(2 * Errors * Shown(values, errors) * errors + Widths[^1] * values.abs().max())).any().ToBoolean())
            return false;
        var (zeros, near) = (space[Zeros(values, errors)], space[Zeros(values, errors, Widths[^1], Wider)]);
        if (zeros.shape[0] < 2 * direction.Length || direction.Length == 1)
            return direction.Length == 1;
        var (strengths, axes) = Factorization.Eigen(near.t().matmul(near), Name);
        // A second combination with these zeros: they are those that two images share.
        var noise = Determined * (Shown(values, errors) * errors).square().mean() * near.shape[0];
        if ((strengths[1] < noise).ToBoolean() || (strengths[1] < Determined * strengths[0]).ToBoolean())
            return false;
        // All directions but the image's own, in the frame in which the wider window is white.
        var own = zeros.matmul(axes[.., 1..] * strengths[1..].rsqrt());
        var (shares, turn) = Factorization.Eigen(own.t().matmul(own), Name);
        return shares[0].ToDouble() >= OwnShare
            && (own.matmul(turn) / shares.sqrt()).square().sum([1]).max().ToDouble() <= MostLeverage;
    }

    /// <summary>Which numbers of a combination are zero.</summary>
    /// <param name="values">The combination.</param>
    /// <param name="errors">What is expected of each number's error.</param>
    /// <param name="width">A share of the largest number.</param>
    /// <param name="wider">Of both limits.</param>
    public static Tensor Zeros(Tensor values, Tensor errors, double width = 1e-5, double wider = 1) =>
        values.abs() < wider * maximum(Errors * Shown(values, errors) * errors, width * values.abs().max());

    /// <summary>How large errors are next to what is expected: what is negative is nothing else.</summary>
    private static double Shown(Tensor values, Tensor errors)
    {
        var below = (values / errors)[values < 0];
        return below.shape[0] == 0 ? 1 : Math.Clamp(below.square().mean().sqrt().ToDouble(), 1, MostErrors);
    }
}
