namespace Afterimage.Networks;

/// <summary>
/// The random-feature Fréchet distance between two sets of images: the distance of means and covariances (Heusel et al., 2017) of 128
/// features of a fixed, untrained convolutional network (as in Naeem et al., 2020), each divided by its deviation over the first set.
/// It is no FID, whose features are those of a trained network: its numbers compare with each other alone.
/// </summary>
[Cites("heusel2017gans", "naeem2020reliable")]
internal sealed class RandomFeatureDistance : IDisposable
{
    private const int AtOnce = 64;
    private static readonly int[] Widths = [32, 64, 128];
    private readonly Tensor[] filters;
    private readonly Tensor scale;
    private readonly Tensor mean;
    private readonly Tensor covariance;

    /// <param name="count">How many images the set has.</param>
    /// <param name="images">Images [n,C,H,W] in [0,1] of a place (first, n) of the set.</param>
    public RandomFeatureDistance(long count, Func<long, long, Tensor> images)
    {
        using var scope = Tidy.Scope();
        using var normal = new RandomSource(0).Derive("random features").Generator(CPU);
        filters = [.. Widths.Select((width, layer) => (randn([width, layer == 0 ? 3 : Widths[layer - 1], 3, 3], ScalarType.Float32, CPU,
            generator: normal) * Math.Sqrt(2.0 / (9 * (layer == 0 ? 3 : Widths[layer - 1])))).DetachFromDisposeScope())];
        var features = Features(count, images);
        scale = (features.var(0, unbiased: false) + 1e-12).rsqrt().DetachFromDisposeScope();
        var (center, spread) = Statistics(features);
        (mean, covariance) = (center.DetachFromDisposeScope(), spread.DetachFromDisposeScope());
    }

    /// <summary>The distance of another set.</summary>
    /// <param name="count">How many images it has.</param>
    /// <param name="images">As in the constructor.</param>
    public double To(long count, Func<long, long, Tensor> images)
    {
        using var scope = Tidy.Scope();
        var (center, spread) = Statistics(Features(count, images));
        var (values, vectors) = Factorization.Eigen(covariance, "The covariance of features");
        var root = (vectors * values.clamp(min: 0).sqrt()).matmul(vectors.t());
        var product = root.matmul(spread).matmul(root);
        var overlap = Factorization.EigenValues((product + product.t()) / 2, "The product of covariances").clamp(min: 0).sqrt().sum();
        return ((center - mean).square().sum() + covariance.trace() + spread.trace() - 2 * overlap).ToDouble();
    }

    private (Tensor Mean, Tensor Covariance) Statistics(Tensor features)
    {
        var scaled = features * scale;
        var center = scaled.mean([0]);
        var rest = scaled - center;
        return (center, rest.t().matmul(rest) / features.shape[0]);
    }

    /// <summary>[count,128] in double precision.</summary>
    private Tensor Features(long count, Func<long, long, Tensor> images)
    {
        using var _ = no_grad();
        var rows = empty([count, Widths[^1]], ScalarType.Float64, CPU);
        for (var first = 0L; first < count; first += AtOnce)
        {
            using var scope = Tidy.Scope();
            var number = Math.Min(AtOnce, count - first);
            var maps = images(first, number) * 2 - 1;
            if (maps.shape[1] == 1)
                maps = maps.expand(-1, 3, -1, -1);
            foreach (var (filter, layer) in filters.Select((filter, layer) => (filter, layer)))
            {
                maps = nn.functional.conv2d(maps, filter, null, padding: [1L, 1]).relu();
                if (layer < filters.Length - 1)
                    maps = nn.functional.avg_pool2d(maps, 2);
            }
            rows.narrow(0, first, number).copy_(maps.mean([2, 3]));
        }
        return rows;
    }

    public void Dispose()
    {
        foreach (var filter in filters)
            filter.Dispose();
        scale.Dispose();
        mean.Dispose();
        covariance.Dispose();
    }
}
