using Afterimage.Audit.Clients;
using Afterimage.Audit.Judging;
using Afterimage.Numerics;
using CsCheck;

namespace Afterimage.Tests.Judging;

public class MatchingTests
{
    private static readonly ImageShape Shape = new(1, 4, 4);

    [Fact]
    public void A_three_cycle_is_read_in_the_right_direction()
    {
        var truth = new[] { 0.1f, 0.5f, 0.9f };
        // Reconstruction 1 shows image 0, reconstruction 2 image 1, reconstruction 0 image 2: its inverse is another permutation.
        var match = Matching.Of(Batch(truth), Batch(0.9f, 0.1f, 0.5f));
        Assert.Equal([1, 2, 0], match);
    }

    [Fact]
    public void Every_permutation_of_four_images_is_undone()
    {
        var values = new[] { 0.1f, 0.4f, 0.6f, 0.95f };
        foreach (var order in Permutations(4))
        {
            var seen = order.Select(i => values[i]).ToArray();
            var match = Matching.Of(Batch(values), Batch(seen));
            Assert.Equal(values, match.Select(j => seen[j]));
        }
    }

    [Fact]
    public void One_good_reconstruction_serves_one_image_only()
    {
        // 0.5 is nearest to both true images; the second one must take what is left.
        var match = Matching.Of(Batch(0.45f, 0.52f), Batch(0.5f, 0f));
        Assert.Equal([1, 0], match);
    }

    [Fact]
    public void Assignments_are_as_cheap_as_the_cheapest_permutation() =>
        (from n in Gen.Int[1, 6]
         from costs in Gen.OneOf(Gen.Double[0, 1], Gen.Int[0, 3].Select(i => (double)i), Gen.Double[-5, 5]).Array[n * n]
         select (n, costs)).Sample(sample =>
        {
            var cost = new double[sample.n, sample.n];
            Buffer.BlockCopy(sample.costs, 0, cost, 0, sizeof(double) * sample.costs.Length);
            var found = Assignment.Of(cost);
            Assert.Equal(Enumerable.Range(0, sample.n), found.Order());
            var best = Permutations(sample.n).Min(order => order.Select((column, row) => cost[row, column]).Sum());
            Assert.Equal(best, found.Select((column, row) => cost[row, column]).Sum(), 1e-9);
        }, iter: 500);

    [Fact]
    public void A_large_batch_is_matched()
    {
        var values = Enumerable.Range(0, 200).Select(i => i / 200f).ToArray();
        var order = Enumerable.Range(0, 200).ToArray();
        new RandomSource(4).Managed().Shuffle(order);
        var match = Matching.Of(Batch(values), Batch([.. order.Select(i => values[i])]));
        Assert.All(Enumerable.Range(0, 200), i => Assert.Equal(i, order[match[i]]));
    }

    [Fact]
    public void Bad_costs_and_unequal_batches_are_refused()
    {
        Assert.Contains("2x3", Assert.Throws<AfterimageException>(() => Assignment.Of(new double[2, 3])).Message, StringComparison.Ordinal);
        Assert.Throws<AfterimageException>(() => Assignment.Of(new[,] { { double.NaN } }));
        Refusal.Says("3 images", () => Matching.Of(Batch(0, 0, 0), Batch(0, 0)));
        Assert.Empty(Assignment.Of(new double[0, 0]));
    }

    private static ImageBatch Batch(params float[] values) => new(Shape, values.Select(value => Pictures.Flat(Shape, value)));

    private static IEnumerable<int[]> Permutations(int n) => n == 0 ? [[]]
        : from shorter in Permutations(n - 1)
          from place in Enumerable.Range(0, n)
          select (int[])[.. shorter[..place], n - 1, .. shorter[place..]];
}
