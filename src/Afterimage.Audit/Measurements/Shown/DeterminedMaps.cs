using Afterimage.Leakage;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Audit.Measurements;

/// <summary>
/// How well the pixels of a batch are determined, as one picture for each image: the share of the prior's variance that is left, the mean
/// over channels, on a logarithmic scale between the largest (black) and the smallest (white) of the whole batch.
/// </summary>
internal sealed class DeterminedMaps
{
    /// <summary>Shares that differ by less are drawn alike: a scale between them would show rounding.</summary>
    private const double Alike = 1.01;

    private const double Least = 1e-30;

    private readonly double[][] left;
    private readonly ImageShape shape;

    public DeterminedMaps(LeakageAnalysis found, ImageShape shape)
    {
        this.shape = shape;
        var plane = shape.Height * shape.Width;
        left = [.. found.Map.Select(map => Enumerable.Range(0, plane).Select(pixel => Math.Max(Least,
            Enumerable.Range(0, shape.Channels).Average(channel => map[channel * plane + pixel]))).ToArray())];
        Left = new(left.Min(image => image.Min()), left.Max(image => image.Max()));
    }

    /// <summary>The shares that white and black mean.</summary>
    public Bracket Left { get; }

    /// <summary>Writes the pictures, in the order of the images.</summary>
    /// <param name="folder">The folder of the report.</param>
    /// <param name="caseId">The case.</param>
    public Picture[] Write(string folder, string caseId)
    {
        var pictures = new Pictures(folder, caseId, new(1, shape.Height, shape.Width));
        return [.. left.Select((image, i) => pictures.Write($"determined-{i}", [.. image.Select(Brightness)]))];
    }

    private float Brightness(double share) =>
        Left.High < Alike * Left.Low ? 0.5f : (float)(Math.Log(Left.High / share) / Math.Log(Left.High / Left.Low));
}
