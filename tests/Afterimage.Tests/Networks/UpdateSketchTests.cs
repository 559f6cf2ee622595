using Afterimage.Networks;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Networks;

public class UpdateSketchTests
{
    private static readonly TensorLayout Layout = new([("a.weight", [30, 4]), ("a.bias", [6]), ("b.weight", [200]), ("c.bias", [5])]);

    /// <summary>The sketch of a unit vector tells bucket and sign of its number; the sketch of any vector is the sum of theirs.</summary>
    [Theory, InlineData(false), InlineData(true)]
    public void A_sketch_is_the_explicit_sum_of_signed_numbers(bool byLayer)
    {
        var sketch = new UpdateSketch(Layout, 64, byLayer, seed: 5);
        var update = Normal(1);
        var expected = new double[sketch.Size];
        var signs = 0.0;
        for (var i = 0; i < update.Length; i++)
        {
            var unit = new float[update.Length];
            unit[i] = 1;
            var column = Sketched(sketch, unit);
            var bucket = Assert.Single(Enumerable.Range(0, column.Length), place => column[place] != 0);
            Assert.Equal(1, Math.Abs(column[bucket]));
            expected[bucket] += column[bucket] * update[i];
            signs += column[bucket];
        }
        Assert.All(Sketched(sketch, update).Zip(expected), pair => Assert.Equal(pair.Second, pair.First, 1e-4));
        // Both signs occur.
        Assert.InRange(Math.Abs(signs), 0, update.Length / 2.0);
    }

    [Fact]
    public void Inner_products_are_kept_in_the_mean_over_seeds_and_all_numbers_being_positive_changes_nothing()
    {
        const int Seeds = 2000;
        float[] first = [.. Normal(1).Select(Math.Abs)], second = [.. Normal(2).Select(Math.Abs)];
        var truth = first.Zip(second, (a, b) => (double)a * b).Sum();
        var products = Enumerable.Range(0, Seeds).Select(seed =>
        {
            var sketch = new UpdateSketch(Layout, 32, byLayer: false, (ulong)seed);
            return Sketched(sketch, first).Zip(Sketched(sketch, second), (a, b) => (double)a * b).Sum();
        }).ToArray();
        var mean = products.Average();
        var error = Math.Sqrt(products.Sum(product => Math.Pow(product - mean, 2)) / Seeds / Seeds);
        Assert.InRange(mean, truth - 4 * error, truth + 4 * error);
        // Without signs the mean would be off by the product of the sums over the buckets: many standard errors.
        Assert.True(first.Sum() * second.Sum() / 32 > 10 * error);
    }

    [Fact]
    public void Where_a_number_goes_depends_on_its_index_and_the_seed_alone()
    {
        var longer = new TensorLayout([.. Layout.Entries.Select(entry => (entry.Name, entry.Shape)), ("d.weight", [100L])]);
        var (one, other) = (new UpdateSketch(Layout, 64, false, 5), new UpdateSketch(longer, 64, false, 5));
        var update = Normal(1);
        Assert.Equal(Sketched(one, update), Sketched(other, [.. update, .. new float[100]]));
        Assert.Equal(Sketched(one, update), Sketched(new(Layout, 64, false, 5), update));
        Assert.NotEqual(Sketched(one, update), Sketched(new(Layout, 64, false, 6), update));
    }

    [Fact]
    public void What_fits_stays_as_it_is_and_small_layers_leave_room_to_large_ones()
    {
        var update = Normal(1);
        Assert.Equal(update, Sketched(new(Layout, 1000, false, 5), update));
        // c has 5 numbers; a (126) and b (200) share what is left of 105.
        var sketch = new UpdateSketch(Layout, 105, byLayer: true, 5);
        Assert.Equal([50, 50, 5], sketch.Widths);
        Assert.Equal(update[^5..], Sketched(sketch, update)[^5..]);
    }

    private static float[] Normal(ulong seed)
    {
        using var scope = NewDisposeScope();
        using var normal = new RandomSource(seed).Generator(CPU);
        return randn([Layout.Count], ScalarType.Float32, CPU, generator: normal).data<float>().ToArray();
    }

    private static float[] Sketched(UpdateSketch sketch, float[] update)
    {
        var buckets = new float[sketch.Size];
        sketch.Write(update, buckets);
        return buckets;
    }
}
