namespace Afterimage.Attacks;

/// <summary>
/// The images in the space that they span: they come out of a ReLU, so that they are the non-negative vectors with many zeros, extreme
/// rays of the cone {v : S v >= 0}.
/// </summary>
internal sealed class SparseNonNegative
{
    /// <summary>Cosine from which two directions are one.</summary>
    private const double Same = 1 - 1e-4;

    /// <summary>Numbers smaller than this share of the largest are of dead channels.</summary>
    private const double Dead = 1e-5;

    /// <summary>What an inequality may be violated by, in errors of its number.</summary>
    private const double Slack = 3;

    private readonly RayProgram program;
    private readonly ZeroPattern pattern;
    private readonly double[][] rows;
    private readonly Random random;
    private readonly List<double[]> found = [];
    private readonly int size;

    /// <param name="space">S, [numbers,B], orthonormal.</param>
    /// <param name="errors">Of each number for v of length one, [numbers].</param>
    /// <param name="random">Draws the programs.</param>
    public SparseNonNegative(Tensor space, Tensor errors, RandomSource random)
    {
        using var scope = Tidy.Scope();
        size = (int)space.shape[1];
        var norms = space.norm(1);
        var live = norms > maximum(Dead * norms.max(), 5 * errors);
        var (kept, keptErrors) = (space[live].DetachFromDisposeScope(), errors[live].DetachFromDisposeScope());
        pattern = new(kept, keptErrors);
        rows = [.. kept.data<double>().ToArray().Chunk(size)];
        program = new(rows, (Slack * keptErrors).data<double>().ToArray());
        this.random = random.Derive("programs").Managed();
    }

    public IReadOnlyList<double[]> Found => found;

    public int Programs { get; private set; }

    public int[] Log = new int[4];

    /// <summary>Searches until all are found, or the number of programs is used up, or it is stopped.</summary>
    public void Search(int programs, CancellationToken stop)
    {
        for (var i = 0; i < programs && found.Count < size && !stop.IsCancellationRequested; i++)
        {
            Programs++;
            if (program.Minimize(Objective(i), stop) is not { } vertex) { Log[0]++; continue; }
            var (direction, zeros) = pattern.Nearest(vertex);
            if (found.Any(other => Math.Abs(TensorPrimitives.Dot<double>(other, direction)) > Same)) { Log[1]++; continue; }
            if (pattern.IsImage(direction)) found.Add(direction); else Log[2]++;
        }
    }

    private double[] Objective(int i)
    {
        var objective = new double[size];
        if (i % 2 == 0)
            TensorPrimitives.Negate(rows[random.Next(rows.Length)], objective);
        else
            for (var k = 0; k < size; k++)
                objective[k] = Normal();
        if (i % 4 >= 2)
            Deflate(objective);
        return objective;
    }

    /// <summary>Leaves the images found so far without an advantage.</summary>
    private void Deflate(double[] objective)
    {
        var basis = new List<double[]>();
        foreach (var image in found)
        {
            var rest = (double[])image.Clone();
            for (var pass = 0; pass < 2; pass++)
                foreach (var other in basis)
                    TensorPrimitives.MultiplyAdd(other, -TensorPrimitives.Dot<double>(rest, other), rest, rest);
            TensorPrimitives.Divide(rest, TensorPrimitives.Norm<double>(rest), rest);
            basis.Add(rest);
        }
        foreach (var other in basis)
            TensorPrimitives.MultiplyAdd(other, -TensorPrimitives.Dot<double>(objective, other), objective, objective);
    }

    private double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
