namespace Afterimage.Attacks;

/// <summary>
/// Images that the zeros of the inputs leave mixed, by the zeros of dL/dz, as in SPEAR (Dimitrov et al., 2024): an image that was found
/// switches outputs off, where its dL/dz is zero, and that tells its dL/dz; all other images lie in the space that it leaves. With every
/// image that is found the rest has one dimension less.
/// </summary>
internal sealed class GateDeflation
{
    /// <summary>Values nearer to zero, relative to their root mean square, are not said to be off.</summary>
    private const double Near = 1e-3;

    /// <summary>Outputs whose dL/dz is smaller than this share of the largest tell nothing.</summary>
    private const double Alive = 1e-9;

    /// <summary>Outputs that are off beyond those that any combination can avoid.</summary>
    private const int Spare = 8;

    /// <summary>
    /// How small dL/dz must be where it is off, as a share of all of it, next to any other combination: it proves the image.
    /// </summary>
    private const double Off = 0.01;

    /// <summary>Of the smaller space, which what is left out has bent, against those of the whole.</summary>
    private const double MoreErrors = 10;

    private const int Rounds = 20;

    /// <summary>Corners for every dimension of the smaller space, which dL/dz alone judges.</summary>
    private const int Programs = 4;

    private readonly BatchLayer layer;
    private readonly BatchMaps basis;
    private readonly Tensor errors;
    private readonly int size;
    private readonly Tensor space;
    private readonly Tensor sums;
    private readonly Tensor alive;
    private readonly Tensor white;
    private readonly Tensor triangular;

    /// <param name="layer">With its gates.</param>
    /// <param name="basis">Orthonormal, of the space of inputs.</param>
    /// <param name="gradients">dL/dz of the basis, [outputs,B,1].</param>
    /// <param name="errors">Of a combination of length one at every place.</param>
    public GateDeflation(BatchLayer layer, BatchMaps basis, Tensor gradients, Tensor errors)
    {
        (this.layer, this.basis, this.errors, size, space) = (layer, basis, errors, (int)basis.Maps.shape[0], basis.Rows);
        var mixed = gradients.squeeze(2);
        // dL/db is the sum of dL/dz, which tells how large every input is.
        sums = Factorization.LeastSquares(mixed, layer.Sums!.unsqueeze(1), "The sums of dL/dz").squeeze(1);
        var own = layer.Gates!.Rows is { } rows ? rows.matmul(mixed) : mixed;
        var norms = own.norm(1, keepdim: true);
        alive = (norms > Alive * norms.max()).squeeze(1);
        // In this frame every combination of dL/dz has length one over all outputs.
        (white, triangular) = linalg.qr(where(alive.unsqueeze(1), own / norms.clamp(min: 1e-300), 0));
    }

    /// <summary>
    /// What is found beyond some directions, and for every direction what makes dL/dz of it; null where gates do not prove it.
    /// </summary>
    public List<(double[] Direction, double[]? Dual)> Search(IEnumerable<double[]> first, RandomSource random, CancellationToken stop)
    {
        using var scope = Tidy.Scope();
        double[][] known = [.. first];
        List<(double[] Direction, double[]? Dual)> found = [.. known.Select(direction => (direction, Dual(direction, known)))];
        for (var round = 0; round < Rounds && found.Count < size && !stop.IsCancellationRequested; round++)
        {
            using var inner = Tidy.Scope();
            double[][] duals = [.. found.Select(image => image.Dual).OfType<double[]>()];
            if (duals.Length == 0)
                break;
            var left = linalg.qr(tensor(duals.SelectMany(dual => dual).ToArray()).reshape(-1, size).t(), linalg.QRMode.Complete)
                .Q[.., duals.Length..];
            var before = found.Count;
            foreach (var guess in Guesses(left, random.Derive("deflated", round), stop))
            {
                var direction = left.matmul(tensor(guess)).data<double>().ToArray();
                if (!found.Any(image => Math.Abs(TensorPrimitives.Dot<double>(image.Direction, direction)) > SparseNonNegative.Same)
                    && Dual(direction, known) is { } dual && !found.Any(image => image.Dual is { } other && IsSame(other, dual)))
                    found.Add((direction, dual));
            }
            if (found.Count == before)
                break;
        }
        // Gates prove dL/dz of an image, not the direction that led there: without all of them only the first are exact.
        return found.Count == size && found.All(image => image.Dual is not null) && Polished(found) is { } polished ? polished
            : found[..known.Length];
    }

    /// <summary>Non-negative sparse directions of a smaller space, those that prove themselves first.</summary>
    private IEnumerable<double[]> Guesses(Tensor left, RandomSource random, CancellationToken stop)
    {
        if (left.shape[1] == 1)
            return [[(space.t().matmul(left).sum() >= 0).ToBoolean() ? 1 : -1]];
        var search = new SparseNonNegative(basis.Mixed(left.t()), errors * MoreErrors, random);
        search.Search(stop);
        return search.Found.Concat(search.Corners((int)(Programs * left.shape[1]), stop));
    }

    /// <summary>
    /// The combination of dL/dz that is zero where an image switches outputs off, and has no part in any other image; null where none is.
    /// </summary>
    private double[]? Dual(double[] direction, double[][] known)
    {
        using var scope = Tidy.Scope();
        var v = tensor(direction);
        var length = v.dot(sums).ToDouble();
        if (!(length > 0))
            return null;
        var z = layer.Gates!.Weight.matmul(v.matmul(space) / length) + layer.Gates.Bias;
        var off = (z < -Near * z.square().mean().sqrt()) & alive;
        double[][] others = [.. known.Where(other => Math.Abs(TensorPrimitives.Dot<double>(other, direction)) <= SparseNonNegative.Same)];
        var rows = others.Length == 0 ? white[off] : cat([white[off], nn.functional.normalize(linalg.solve_triangular(triangular.t(),
            tensor(others.SelectMany(other => other).ToArray()).reshape(-1, size).t(), upper: false).t(), 2, 1)]);
        if (rows.shape[0] < size + Spare)
            return null;
        var (shares, axes) = Factorization.Eigen(rows.t().matmul(rows), "dL/dz where an image is off");
        return size > 1 && (shares[0].abs() > Off * Off * shares[1]).ToBoolean() ? null
            : linalg.solve_triangular(triangular, axes[.., ..1], upper: true).squeeze(1).data<double>().ToArray();
    }

    /// <summary>Whether two combinations are dL/dz of one image, to which several directions may lead.</summary>
    private bool IsSame(double[] left, double[] right)
    {
        using var scope = Tidy.Scope();
        Tensor Unit(double[] dual) => nn.functional.normalize(triangular.matmul(tensor(dual)), 2, 0);
        return Unit(left).dot(Unit(right)).abs().ToDouble() > SparseNonNegative.Same;
    }

    /// <summary>
    /// Where dL/dz of all images is known, each input is what is left by all others; null where that is negative anywhere.
    /// </summary>
    private List<(double[] Direction, double[]? Dual)>? Polished(List<(double[] Direction, double[]? Dual)> found)
    {
        using var scope = Tidy.Scope();
        var duals = tensor(found.SelectMany(image => image.Dual!).ToArray()).reshape(size, size);
        var directions = nn.functional.normalize(Factorization.Inverse(duals, "dL/dz of all images").t(), 2, 1);
        directions *= directions.matmul(space).sum([1], keepdim: true).sign();
        var inputs = directions.matmul(space);
        if ((inputs < -Near * inputs.amax([1], keepdim: true)).any().ToBoolean())
            return null;
        return [.. directions.data<double>().ToArray().Chunk(size).Zip(found, (direction, image) => (direction, image.Dual))];
    }
}
