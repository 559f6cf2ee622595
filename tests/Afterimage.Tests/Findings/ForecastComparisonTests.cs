using Afterimage.Audit.Findings;

namespace Afterimage.Tests.Findings;

public class ForecastComparisonTests
{
    [Fact]
    public void Ranks_correlate_whatever_the_scale()
    {
        double[] values = [3, 1, 4, 1.5, 9, 2.6];
        Assert.Equal(1, ForecastComparison.Spearman(values, [.. values.Select(Math.Exp)]), 1e-12);
        Assert.Equal(-1, ForecastComparison.Spearman(values, [.. values.Select(value => -value)]), 1e-12);
        Assert.Equal(0, ForecastComparison.Spearman(values, [1, 1, 1, 1, 1, 1]));
    }

    [Fact]
    public void Without_ties_it_is_the_sum_of_squared_rank_differences()
    {
        double[] left = [1, 2, 3, 4, 5], right = [2, 1, 4, 3, 5];
        Assert.Equal(1 - 6.0 * 4 / (5 * 24), ForecastComparison.Spearman(left, right), 1e-12);
    }

    [Fact]
    public void Ties_share_their_mean_rank()
    {
        // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5).
        Assert.Equal(4.5 / Math.Sqrt(4.5 * 5), ForecastComparison.Spearman([1, 2, 2, 3], [1, 2, 3, 4]), 1e-12);
    }
}
