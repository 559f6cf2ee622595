using Afterimage.Leakage;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Audit.Measurements;

/// <summary>A leakage analysis as plain data.</summary>
internal static class PlainLeakage
{
    public static LeakageSpectrum Of(LeakageAnalysis found) => new(
        found.Method, found.Exact, found.Unknowns, found.Equations, found.Rank, found.Condition, [.. found.Singular],
        [.. found.Points.Select(point => new LeakageForecast(
            point.Noise, Of(point.Directions), Of(point.White), Of(point.Images), point.Ceilings.Unbiased,
            point.Ceilings.FisherTrace, point.Ceilings.VanTrees, point.Ceilings.Influence, point.Ceilings.InformationLoss))]);

    /// <summary>The analysis of one image.</summary>
    /// <param name="index">Its place in the batch.</param>
    /// <param name="label">The name of its class.</param>
    /// <param name="shown">The image itself.</param>
    /// <param name="found">The analysis of the batch.</param>
    /// <param name="map">How well its pixels are determined.</param>
    /// <param name="left">The shares that white and black mean in the map.</param>
    public static LeakageImage Of(int index, string label, Picture shown, LeakageAnalysis found, Picture map, Bracket left)
    {
        var forecast = found.Images[index];
        return new(index, label, forecast.Low, shown, map,
            found.Exact || !double.IsFinite(forecast.High) ? null : forecast.High, left);
    }

    private static Bracket Of(Interval interval) => new(interval.Low, interval.High);
}
