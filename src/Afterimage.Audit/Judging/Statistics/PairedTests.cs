namespace Afterimage.Audit.Judging;

/// <summary>
/// Two-sided tests of whether paired differences lie around zero: the signed-rank test (Wilcoxon, 1945) and the sign test. Differences of
/// zero are left out; ties of size share their mean rank. Both are exact up to 200 differences, ties included, for the signs of the
/// differences are all that chance decides.
/// </summary>
[Cites("wilcoxon1945individual")]
public static class PairedTests
{
    private const int MostExact = 200;

    /// <summary>The probability of a rank sum at least as far from its mean, in [0,1]; 1 where every difference is zero.</summary>
    public static double SignedRank(IReadOnlyList<double> differences) => SignedRank(differences, MostExact);

    internal static double SignedRank(IReadOnlyList<double> differences, int mostExact)
    {
        var left = differences.Where(difference => difference != 0).ToArray();
        if (left.Length == 0)
            return 1;
        // Twice the ranks are whole numbers.
        var ranks = DoubledRanks(left);
        var positive = left.Zip(ranks).Where(pair => pair.First > 0).Sum(pair => pair.Second);
        var total = ranks.Sum();
        return left.Length <= mostExact ? Exact(ranks, total, positive) : Normal(ranks, total, positive);
    }

    /// <summary>The probability of so uneven signs, in [0,1].</summary>
    public static double Sign(IReadOnlyList<double> differences)
    {
        var (up, down) = (differences.Count(difference => difference > 0), differences.Count(difference => difference < 0));
        var n = up + down;
        var (sum, term) = (0.0, -n * Math.Log(2));
        for (var k = 0; k <= Math.Min(up, down); k++)
        {
            sum += Math.Exp(term);
            term += Math.Log((double)(n - k) / (k + 1));
        }
        return Math.Min(1, 2 * sum);
    }

    /// <summary>Probabilities of several tests, each for what it says beside the others (Holm, 1979), in the same order.</summary>
    public static double[] Holm(IReadOnlyList<double> probabilities)
    {
        var adjusted = new double[probabilities.Count];
        var most = 0.0;
        foreach (var (rank, place) in Enumerable.Range(0, probabilities.Count).OrderBy(place => probabilities[place]).Index())
            adjusted[place] = most = Math.Max(most, Math.Min(1, (probabilities.Count - rank) * probabilities[place]));
        return adjusted;
    }

    private static int[] DoubledRanks(double[] differences)
    {
        var ranks = new int[differences.Length];
        var ordered = differences.Select(Math.Abs).Index().OrderBy(at => at.Item).Select((at, rank) => (at.Index, at.Item, Rank: rank + 1));
        foreach (var alike in ordered.GroupBy(at => at.Item))
        {
            var mean = alike.First().Rank + alike.Last().Rank;
            foreach (var (index, _, _) in alike)
                ranks[index] = mean;
        }
        return ranks;
    }

    private static double Exact(int[] ranks, int total, int positive)
    {
        var chance = new double[total + 1];
        chance[0] = 1;
        var reached = 0;
        foreach (var rank in ranks)
        {
            reached += rank;
            for (var sum = reached; sum >= 0; sum--)
                chance[sum] = (chance[sum] + (sum >= rank ? chance[sum - rank] : 0)) / 2;
        }
        var far = Math.Abs(2 * positive - total);
        return Math.Min(1, chance.Where((_, sum) => Math.Abs(2 * sum - total) >= far).Sum());
    }

    private static double Normal(int[] ranks, int total, int positive)
    {
        var deviation = Math.Sqrt(ranks.Sum(rank => (double)rank * rank)) / 2;
        // Half a rank is one of the doubled ones.
        return Complement(Math.Max(0, Math.Abs(positive - total / 2.0) - 1) / deviation);
    }

    /// <summary>The probability of a normal deviate at least so large, of either sign (Abramowitz and Stegun, 7.1.26).</summary>
    private static double Complement(double z)
    {
        var t = 1 / (1 + 0.3275911 * z / Math.Sqrt(2));
        return t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) * Math.Exp(-z * z / 2);
    }
}
