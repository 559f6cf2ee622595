using System.Numerics;
using Afterimage.Audit.Clients;

namespace Afterimage.Audit.Judging;

/// <summary>
/// Image identification precision (Yin et al., 2021) by pixels: the place of the true image when a pool of images that the client could
/// have held is ordered by distance to the reconstruction. At place 1 an attacker who has the pool names the image; by chance it does so
/// once in as many times as the pool has images.
/// </summary>
/// <param name="pool">Images of the truth's shape; the true one may be among them.</param>
public sealed record Identification(ImageBatch pool) : Metric
{
    public const string Key = "rank";

    /// <inheritdoc/>
    public override string Name => Key;

    /// <inheritdoc/>
    public override bool HigherIsBetter => false;

    /// <inheritdoc/>
    public override double Optimum => 1;

    /// <inheritdoc/>
    public override string Summary =>
        "Place of the true image among the images of a pool, ordered by squared distance to the reconstruction; 1 identifies it.";

    /// <inheritdoc/>
    protected override double Compare(Image truth, Image seen)
    {
        var own = SquaredDistance(truth, seen);
        return 1 + pool.Count(other => SquaredDistance(other, seen) < own);
    }

    private static float SquaredDistance(Image left, Image right)
    {
        var a = left.Pixels;
        var b = right.Pixels;
        var sums = Vector<float>.Zero;
        var whole = a.Length - a.Length % Vector<float>.Count;
        for (var i = 0; i < whole; i += Vector<float>.Count)
        {
            var difference = new Vector<float>(a[i..]) - new Vector<float>(b[i..]);
            sums += difference * difference;
        }
        var sum = Vector.Sum(sums);
        for (var i = whole; i < a.Length; i++)
            sum += (a[i] - b[i]) * (a[i] - b[i]);
        return sum;
    }
}
