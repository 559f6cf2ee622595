namespace Afterimage.Attacks;

/// <summary>
/// The space that the inputs of a batch span, by the columns and the rows of a convolution's windows. Maps whose columns all lie in the
/// span of the columns may still mix columns with one another, and those whose rows do may mix rows; what does neither is a combination
/// of the batch's inputs. A third of the channels is enough for what <see cref="MapSpace"/> does with whole 3 x 3 windows, and in train
/// mode nothing is hidden: lines that reach over the border do not sum to zero.
/// </summary>
internal static class LineSpace
{
    /// <inheritdoc cref="MapSpace.Of"/>
    public static MapSpace Of(BatchLayer layer, int batch, RandomSource random, CancellationToken stop)
    {
        using var scope = Tidy.Scope();
        var (kernel, places) = (layer.Conv.Kernel, layer.Map.Places);
        var axes = new[] { true, false }.Select(upright =>
        {
            var windows = new LineWindows(layer, upright);
            var rows = RowSpace.Of(windows.Rows, layer, batch * windows.Count);
            stop.ThrowIfCancellationRequested();
            return (Windows: windows, Rows: rows);
        }).ToList();
        var lines = axes.Sum(axis => axis.Windows.Count);
        var few = Math.Min(layer.Conv.Input, MapSpace.MoreMixtures + (long)Math.Ceiling(
            axes.Sum(axis => axis.Windows.Count * axis.Rows.Basis.shape[0]) / (lines * kernel - places / MapSpace.Free)));
        using var generator = random.Derive("lines").Generator(CPU);
        var mixing = randn([few, layer.Conv.Input], ScalarType.Float64, CPU, generator: generator) / Math.Sqrt(layer.Conv.Input);

        var form = zeros(few * places, few * places, ScalarType.Float64);
        var counts = zeros(few * places, ScalarType.Float64);
        List<(Tensor Orthogonal, Tensor Triangular)> mixed = [];
        foreach (var (windows, rows) in axes)
        {
            var dimension = rows.Basis.shape[0];
            var span = linalg.qr(mixing.matmul(rows.Basis.reshape(dimension, layer.Conv.Input, kernel))
                .reshape(dimension, few * kernel).t());
            mixed.Add(span);
            var reads = windows.Reads(few);
            form.add_(PatchForm.Of(reads, PatchForm.Outside(span.Q), few * places));
            counts.add_(PatchForm.Counts(reads, few * places));
            stop.ThrowIfCancellationRequested();
        }
        var most = axes.Max(axis => axis.Rows.Rank / axis.Windows.Count);
        var (values, vectors) = PatchForm.Smallest(form, counts, Math.Max(batch, (int)most) + MapSpace.Beyond, random, stop);
        var size = MapSpace.Dimension(values);

        var found = vectors.narrow(1, 0, size).t().reshape(size, few, layer.Map.Input[1], layer.Map.Input[2]);
        var (sum, all) = (zeros([size, layer.Conv.Input * places], ScalarType.Float64), zeros(places, ScalarType.Float64));
        foreach (var ((windows, rows), (orthogonal, triangular)) in axes.Zip(mixed))
        {
            var inside = windows.Unfold(found).reshape(-1, few * kernel).matmul(orthogonal);
            var coordinates = linalg.solve_triangular(triangular, inside.t(), upper: true).t();
            sum.add_(windows.Fold(coordinates.matmul(rows.Basis).reshape(size, windows.Count, -1)));
            all.add_(PatchForm.Counts(windows.Reads(1), places));
        }
        var maps = (sum.reshape(size, -1, places) / all.clamp(min: 1)).reshape([size, .. layer.Map.Input]);
        var basis = new BatchMaps(maps, null).Orthonormal();
        if (layer.Centered)
            basis = basis with { Totals = Totals(new BilinearFit(layer).Gradients(basis).sum([2])).MoveToOuterDisposeScope() };
        return new(basis with { Maps = basis.Maps.MoveToOuterDisposeScope() }, values);
    }

    /// <summary>Of dL/dz that sums to zero over batch and places: the combination of its sums, [outputs, B], that vanishes.</summary>
    private static Tensor Totals(Tensor sums) => Factorization.Svd(sums, "The sums of dL/dz").Vh[-1];
}
