using System.Numerics;
using Afterimage.Data;

namespace Afterimage.Tests.Data;

internal static class PowerSpectrum
{
    /// <summary>The slope of log power over log frequency of the mean of the channels, averaged over directions and images; natural images have about -2.</summary>
    public static double Slope(IEnumerable<LabeledImage> images, int side, int from, int to)
    {
        var power = new double[side];
        foreach (var image in images)
        {
            var field = new Complex[side, side];
            var channels = image.Pixels.Length / (side * side);
            var gray = Enumerable.Range(0, side * side).Select(i => Enumerable.Range(0, channels).Average(c => image.Pixels[c * side * side + i])).ToArray();
            var mean = gray.Average();
            for (var y = 0; y < side; y++)
                for (var x = 0; x < side; x++)
                    field[y, x] = (gray[y * side + x] - mean) * Hann(x, side) * Hann(y, side);
            var spectrum = Transformed(Transformed(field, side), side);
            for (var v = 0; v < side; v++)
                for (var u = 0; u < side; u++)
                {
                    var radius = (int)Math.Round(Math.Sqrt(Math.Pow(Math.Min(u, side - u), 2) + Math.Pow(Math.Min(v, side - v), 2)));
                    if (radius < side)
                        power[radius] += spectrum[v, u].Magnitude * spectrum[v, u].Magnitude / Ring(radius);
                }
        }
        var points = Enumerable.Range(from, to - from + 1).Select(f => (X: Math.Log(f), Y: Math.Log(power[f]))).ToList();
        var (meanX, meanY) = (points.Average(p => p.X), points.Average(p => p.Y));
        return points.Sum(p => (p.X - meanX) * (p.Y - meanY)) / points.Sum(p => (p.X - meanX) * (p.X - meanX));
    }

    private static double Hann(int i, int n) => 0.5 - 0.5 * Math.Cos(Math.Tau * (i + 0.5) / n);

    private static double Ring(int radius) => Math.Max(1, Math.Tau * radius);

    /// <summary>The transform of every row, with rows and columns exchanged.</summary>
    private static Complex[,] Transformed(Complex[,] field, int n)
    {
        var wave = Enumerable.Range(0, n).Select(k => Complex.FromPolarCoordinates(1, -Math.Tau * k / n)).ToArray();
        var result = new Complex[n, n];
        for (var row = 0; row < n; row++)
            for (var k = 0; k < n; k++)
            {
                var sum = Complex.Zero;
                for (var i = 0; i < n; i++)
                    sum += field[row, i] * wave[i * k % n];
                result[k, row] = sum;
            }
        return result;
    }
}
