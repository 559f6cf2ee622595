namespace Afterimage.Attacks;

/// <summary>
/// The combination S v whose zeros determine it, nearest to a first guess; and whether its zeros are an image's own. An image behind a ReLU
/// is zero at many places, and each of these zeros follows from the others. A combination that merely touches zero here and there, as every
/// corner of the cone does, has zeros that follow from no other.
/// </summary>
internal sealed class ZeroPattern
{
    /// <summary>What counts as zero, as a share of the largest number: from a guess to what errors alone decide.</summary>
    private static readonly double[] Widths = [3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5, 1e-7, 0, 0, 0];

    /// <summary>Beyond so many times the median size of zeros a number is none.</summary>
    private const double Apart = 8;

    /// <summary>Above this width numbers count less and less, below it they count or do not.</summary>
    private const double Soft = 5e-5;

    /// <summary>What counts as zero in errors of a number.</summary>
    private const double Errors = 5;

    /// <summary>How much larger errors may be than is expected; or as large as this share of the largest number.</summary>
    private const double MostErrors = 5;
    private const double SmallErrors = 5e-5;

    /// <summary>Numbers so far beyond what counts as zero do not matter.</summary>
    private const double Far = 10;

    /// <summary>How much wider the window is in which accidental zeros would become more.</summary>
    private const double Wider = 4;

    /// <summary>The share of a direction's strength in the wider window that the zeros themselves must have.</summary>
    private const double OwnShare = 0.6;

    /// <summary>How far above errors the weakest of the other directions is at an image's zeros.</summary>
    private const double Determined = 30;

    /// <summary>No single zero may decide more of any direction than this: that of a corner that merely touches zero decides all.</summary>
    private const double MostLeverage = 0.98;

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
            var values = space.matmul(v);
            var limit = Limit(values, errors, width);
            // So few are the corner's own.
            if ((values.abs() < limit).sum().ToInt64() < guess.Length + 3)
                break;
            var close = values.abs() < (width > Soft ? Far : 1) * limit;
            // The last rounds leave out what stands apart from most: a small number that is none of the zeros.
            if (width == 0)
                close &= values.abs() < Apart * errors * (values / errors)[close].abs().median();
            // Reweighted, so that a number that is merely small does not count for long.
            var rows = width > Soft ? space[close] / ((values / limit)[close].square() + 1).sqrt().unsqueeze(1) : space[close];
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
        // A single image has nothing to be told apart from.
        if (zeros.shape[0] < direction.Length + 3 || direction.Length == 1)
            return direction.Length == 1;
        var (strengths, axes) = Factorization.Eigen(near.t().matmul(near), Name);
        // A second combination with these zeros: they are those that two images share.
        var noise = Determined * ((Shown(values, errors) * errors).square().mean() * near.shape[0]).maximum(strengths[0]);
        if ((strengths[1] < noise).ToBoolean())
            return false;
        // All directions but the image's own, in the frame in which the wider window is white.
        var own = zeros.matmul(axes[.., 1..] * strengths[1..].rsqrt());
        var (shares, turn) = Factorization.Eigen(own.t().matmul(own), Name);
        if (shares[0].ToDouble() < OwnShare)
            return false;
        var others = 1 - (own.matmul(turn) / shares.sqrt()).square().sum([1]).max().ToDouble();
        return others >= 1 - MostLeverage && (strengths[1] * others >= noise).ToBoolean();
    }

    /// <summary>Which numbers of a combination are zero.</summary>
    /// <param name="values">The combination.</param>
    /// <param name="errors">What is expected of each number's error.</param>
    /// <param name="width">A share of the largest number.</param>
    /// <param name="wider">Of both limits.</param>
    public static Tensor Zeros(Tensor values, Tensor errors, double width = 1e-7, double wider = 1) =>
        values.abs() < wider * Limit(values, errors, width);

    private static Tensor Limit(Tensor values, Tensor errors, double width) =>
        maximum(Errors * Shown(values, errors) * errors, width * values.abs().max());

    /// <summary>How large errors are next to what is expected: what is negative is nothing else.</summary>
    private static double Shown(Tensor values, Tensor errors)
    {
        var below = (values / errors)[values < 0];
        return below.shape[0] == 0 ? 1 : Math.Clamp(below.square().mean().sqrt().ToDouble(), 1,
            Math.Max(MostErrors, (SmallErrors * values.abs().max() / errors.mean()).ToDouble()));
    }
}
