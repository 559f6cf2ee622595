namespace Afterimage.Attacks;

/// <summary>
/// The images in the space that they span: they come out of a ReLU, so that they are the non-negative vectors with many zeros, extreme
/// rays of the cone {v : S v >= 0}.
/// </summary>
internal sealed class SparseNonNegative
{
    /// <summary>Cosine from which two directions are one.</summary>
    public const double Same = 1 - 1e-3;

    /// <summary>Numbers smaller than this share of the largest are of dead channels.</summary>
    private const double Dead = 1e-5;

    /// <summary>What an inequality may be violated by, in errors of its number.</summary>
    private const double Slack = 5;

    /// <summary>Programs without a new image, for every image and in any case, after which there is none to be found.</summary>
    private const int Patience = 5;
    private const int LeastPatience = 40;

    private readonly RayProgram program;
    private readonly ZeroPattern pattern;
    private readonly double[][] rows;
    private readonly Random random;
    private readonly List<double[]> found = [];
    private readonly int size;

    /// <param name="maps">An orthonormal basis of the space.</param>
    /// <param name="errors">Of a combination of length one at every place.</param>
    /// <param name="random">Draws the programs.</param>
    public SparseNonNegative(BatchMaps maps, Tensor errors, RandomSource random)
    {
        size = (int)maps.Maps.shape[0];
        var (space, each) = (maps.Rows.t(), errors.repeat(maps.Maps.shape[1]));
        var norms = space.norm(1);
        var live = norms > maximum(Dead * norms.max(), Slack * each);
        var kept = space[live];
        pattern = new(kept, each[live]);
        rows = [.. kept.data<double>().ToArray().Chunk(size)];
        program = new(rows, (Slack * each[live]).data<double>().ToArray());
        this.random = random.Derive("programs").Managed();
    }

    /// <summary>The images' directions, each of length one.</summary>
    public IReadOnlyList<double[]> Found => found;

    /// <summary>Searches until all are found, or none was for long, or it is stopped.</summary>
    public void Search(CancellationToken stop)
    {
        var fruitless = 0;
        for (var i = 0; fruitless < Patience * size + LeastPatience && found.Count < size && !stop.IsCancellationRequested; i++)
        {
            fruitless++;
            if (program.Minimize(Objective(i), stop) is { } corner && Take(corner))
                fruitless = 0;
        }
    }

    /// <summary>Corners of the cone, each as it is and as its zeros determine it, for somebody else to judge.</summary>
    public IEnumerable<double[]> Corners(int programs, CancellationToken stop)
    {
        for (var i = 0; i < programs && !stop.IsCancellationRequested; i++)
            if (program.Minimize(Objective(i), stop) is { } corner)
            {
                yield return pattern.Nearest(corner);
                yield return corner;
            }
    }

    /// <summary>Whether a guess leads to an image that was not found yet.</summary>
    private bool Take(double[] guess)
    {
        if (IsKnown(guess))
            return false;
        var direction = pattern.Nearest(guess);
        if (IsKnown(direction) || !pattern.IsImage(direction))
            return false;
        found.Add(direction);
        return true;
    }

    private bool IsKnown(double[] direction) =>
        found.Any(other => Math.Abs(TensorPrimitives.Dot<double>(other, direction)) > Same);

    /// <summary>
    /// By turns the image with the largest share of one number, and any; half of the time without those found so far.
    /// </summary>
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
