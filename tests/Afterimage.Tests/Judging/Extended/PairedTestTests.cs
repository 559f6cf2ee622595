using System.Globalization;
using Afterimage.Audit.Judging;

namespace Afterimage.Tests.Judging;

public class PairedTestTests
{
    [Theory]
    [InlineData("1.5")]
    [InlineData("1, 2, 3, 4, 5")]
    [InlineData("1, -2, 3, -4, 5, 6")]
    [InlineData("1, 1, -1, 2, 2, -3, 0")]
    [InlineData("-1, -1, -1, -1, 0.5, 0.5, 0, 7")]
    [InlineData("0.3, 0.3, -0.3, 0.3, 8, -9, 2, 2, 1")]
    public void Both_tests_are_what_counting_all_signs_says(string list)
    {
        double[] differences = [.. list.Split(',').Select(item => double.Parse(item, CultureInfo.InvariantCulture))];
        var left = differences.Where(value => value != 0).ToArray();
        var ranks = left.Select(value => left.Count(other => Math.Abs(other) < Math.Abs(value))
            + (left.Count(other => Math.Abs(other) == Math.Abs(value)) + 1) / 2.0).ToArray();
        var (mean, own) = (ranks.Sum() / 2, ranks.Zip(left).Where(pair => pair.Second > 0).Sum(pair => pair.First));
        var ups = left.Count(value => value > 0);
        var (far, uneven) = (0, 0);
        for (var signs = 0; signs < 1 << left.Length; signs++)
        {
            var sum = ranks.Where((_, place) => (signs >> place & 1) == 1).Sum();
            far += Math.Abs(sum - mean) >= Math.Abs(own - mean) - 1e-9 ? 1 : 0;
            uneven += Math.Abs(2 * int.PopCount(signs) - left.Length) >= Math.Abs(2 * ups - left.Length) ? 1 : 0;
        }
        Assert.Equal((double)far / (1 << left.Length), PairedTests.SignedRank(differences), 1e-12);
        Assert.Equal((double)uneven / (1 << left.Length), PairedTests.Sign(differences), 1e-12);
    }

    [Fact]
    public void Nothing_differs_where_all_differences_are_zero() =>
        Assert.Equal((1, 1), (PairedTests.SignedRank([0, 0]), PairedTests.Sign([0, 0])));

    /// <summary>The two computations agree where both can be made.</summary>
    [Fact]
    public void Many_differences_are_as_good_as_normal()
    {
        double[] values = [.. Enumerable.Range(1, 80).Select(k => k % 9 < 4 ? -k : (double)k)];
        Assert.Equal(PairedTests.SignedRank(values), PairedTests.SignedRank(values, mostExact: 0), 0.002);
    }

    /// <summary>By hand: 0.01 * 4, 0.02 * 3, 0.03 * 2, and never less than the one before.</summary>
    [Fact]
    public void Holms_correction_is_that_of_the_definition() =>
        Assert.Equal([0.06, 0.04, 0.9, 0.06], PairedTests.Holm([0.03, 0.01, 0.9, 0.02]), (left, right) => Math.Abs(left - right) < 1e-12);
}
