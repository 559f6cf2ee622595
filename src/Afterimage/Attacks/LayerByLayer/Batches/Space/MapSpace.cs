using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// The space that the inputs of a batch span, from dL/dW of a convolution alone. dL/dW is the sum of dL/dz (x) patch over images and
/// places, so that with enough channels its row space is the span of all patches. "Every patch of x lies in it" is linear in x; its
/// solutions are the combinations of the batch's inputs, and their dimension is the batch size. In train mode the mean patch is one more
/// unknown.
/// </summary>
/// <param name="Basis">Of the space.</param>
/// <param name="Eigenvalues">The smallest ones: the share of its patches that a solution has outside of the row space.</param>
internal sealed record MapSpace(BatchMaps Basis, double[] Eigenvalues)
{
    /// <summary>The share of what ties patches together that the row space takes: enough equations, a small eigenproblem.</summary>
    public const double Free = 0.7;
    public const int MoreMixtures = 8;

    /// <summary>Below this gap there is no space of maps.</summary>
    private const double LeastGap = 10;

    /// <summary>Vectors of inverse iteration beyond the batch.</summary>
    public const int Beyond = 8;

    /// <summary>The batch size, as the layer tells it.</summary>
    public int Size => (int)Basis.Maps.shape[0];

    /// <summary>How much larger the first eigenvalue beyond the space is than the last one of it.</summary>
    public double Gap => Eigenvalues.Length > Size ? Eigenvalues[Size] / Math.Max(Eigenvalues[Size - 1], PatchForm.Stiffness)
        : double.PositiveInfinity;

    /// <summary>Whether the gap is that of a space.</summary>
    public bool IsClear => Gap >= LeastGap;

    /// <summary>The space at a layer without an obstacle.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="batch">What the client says.</param>
    /// <param name="random">Mixes the channels.</param>
    /// <param name="stop">Leaves it.</param>
    public static MapSpace Of(BatchLayer layer, int batch, RandomSource random, CancellationToken stop)
    {
        using var scope = Tidy.Scope();
        var rows = RowSpace.Of(layer.Rows * layer.RowWeights(), layer, layer.Patches == 1 ? 0 : layer.Directions(batch));
        if (layer.Patches == 1)
            return OfOnePlace(layer, rows);
        var dimension = rows.Basis.shape[0];
        var (map, kernel) = (layer.Map, (long)layer.Conv.Kernel * layer.Conv.Kernel);
        var few = (long)Math.Ceiling(dimension / (Free * SeparableBatch.Surplus(layer.Conv, layer.Input))) + MoreMixtures;
        few = Math.Min(map.Input[0], few);
        using var generator = random.Derive("channels").Generator(CPU);
        var mixing = randn([few, map.Input[0]], ScalarType.Float64, CPU, generator: generator) / Math.Sqrt(map.Input[0]);
        var mixed = mixing.matmul(rows.Basis.reshape(dimension, map.Input[0], kernel)).reshape(dimension, few * kernel).t();
        var (orthogonal, triangular) = linalg.qr(mixed);
        stop.ThrowIfCancellationRequested();

        var fewMap = new ConvolutionMap(layer.Conv with { Input = (int)few }, [few, map.Input[1], map.Input[2]]);
        var count = Math.Max(batch, (int)(rows.Rank / layer.Patches)) + Beyond;
        var (values, vectors) = Smallest(layer, fewMap, orthogonal, count, random, stop);
        var size = Dimension(values);

        var found = vectors.narrow(1, 0, size).t().reshape(size, few, map.Input[1], map.Input[2]);
        // In train mode the mean patch shifts what lies inside of the row space alike at every place, which the assembly undoes.
        var inside = layer.Unfold(found).reshape(-1, few * kernel).matmul(orthogonal);
        var coordinates = linalg.solve_triangular(triangular, inside.t(), upper: true).t();
        var whole = coordinates.matmul(rows.Basis).reshape(size, layer.Patches, -1);
        var maps = new PatchAssembly(layer).Map(whole);
        var basis = new BatchMaps(maps, layer.Centered ? Totals(layer.Unfold(maps).sum([1]), rows.Basis) : null).Orthonormal();
        basis.Totals?.MoveToOuterDisposeScope();
        return new(basis with { Maps = basis.Maps.MoveToOuterDisposeScope() }, values);
    }

    /// <summary>Where the layer has one place, as a linear layer has, patches are inputs, and singular values tell how many.</summary>
    private static MapSpace OfOnePlace(BatchLayer layer, RowSpace rows)
    {
        var maps = new PatchAssembly(layer).Map(rows.Basis.unsqueeze(1));
        double[] values = [.. rows.Strengths.Select(strength => 1 / (strength * strength + 1e-300))];
        return new(new(maps.MoveToOuterDisposeScope(), null), values);
    }

    /// <summary>Eigenvalues in ascending order and the inputs, in columns.</summary>
    private static (double[] Values, Tensor Vectors) Smallest(BatchLayer layer, ConvolutionMap map, Tensor orthogonal, int count,
        RandomSource random, CancellationToken stop)
    {
        var reads = map.Reads();
        var size = map.Input[0] * map.Places;
        var outside = PatchForm.Outside(orthogonal);
        var form = PatchForm.Of(reads, outside, size);
        if (layer.Centered)
        {
            var sum = PatchForm.Sum(reads, outside, size) / Math.Sqrt(layer.Patches);
            form.addmm_(sum, sum.t(), 1, -1);
        }
        return PatchForm.Smallest(form, PatchForm.Counts(reads, size), count, random, stop);
    }

    /// <summary>All maps have one mean patch up to a factor; differences of patches lie in the row space, the mean does not.</summary>
    private static Tensor Totals(Tensor sums, Tensor rows)
    {
        var (u, s, _) = Factorization.Svd(sums - sums.matmul(rows.t()).matmul(rows), "The mean patches");
        return u[.., 0] * s[0];
    }

    /// <summary>Where eigenvalues rise most.</summary>
    public static int Dimension(double[] values) => Enumerable.Range(1, values.Length - 1)
        .MaxBy(i => Math.Max(values[i], PatchForm.Stiffness) / Math.Max(values[i - 1], PatchForm.Stiffness));
}
