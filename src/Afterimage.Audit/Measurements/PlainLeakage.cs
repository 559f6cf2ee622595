using Afterimage.Leakage;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Audit.Measurements;

/// <summary>A leakage analysis as plain data and pictures.</summary>
internal static class PlainLeakage
{
    private const double DarkestToBrightest = 6;

    public static LeakageSpectrum Of(LeakageAnalysis found) => new(
        found.Method, found.Exact, found.Unknowns, found.Equations, found.Rank, found.Condition, [.. found.Singular],
        [.. found.Points.Select(point => new LeakageForecast(
            point.Noise, Of(point.Directions), Of(point.White), Of(point.Images), point.Ceilings.Unbiased,
            point.Ceilings.FisherTrace, point.Ceilings.VanTrees, point.Ceilings.Influence, point.Ceilings.InformationLoss))]);

    /// <summary>For each image how well its pixels are determined, as a picture.</summary>
    public static Picture[] Maps(string folder, string caseId, ImageShape shape, LeakageAnalysis found)
    {
        var maps = new Pictures(folder, caseId, new(1, shape.Height, shape.Width));
        return [.. found.Map.Select((map, i) => maps.Write($"determined-{i}", Brightness(map, shape)))];
    }

    /// <summary>The mean over channels of what is left of the variance, on a scale of decades.</summary>
    private static float[] Brightness(ValueList<double> map, ImageShape shape)
    {
        var plane = shape.Height * shape.Width;
        double Left(int pixel) => Enumerable.Range(0, shape.Channels).Average(channel => map[channel * plane + pixel]);
        return [.. Enumerable.Range(0, plane).Select(pixel => (float)(-Math.Log10(Left(pixel)) / DarkestToBrightest))];
    }

    private static Bracket Of(Interval interval) => new(interval.Low, interval.High);
}
