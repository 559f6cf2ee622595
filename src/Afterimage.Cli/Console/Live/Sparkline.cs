namespace Afterimage.Cli.Console;

/// <summary>A curve in one line of text, on a logarithmic scale where all values are positive.</summary>
internal static class Sparkline
{
    private const string Blocks = "▁▂▃▄▅▆▇█";

    public static string Of(IReadOnlyList<double> values, int width)
    {
        var finite = values.Where(double.IsFinite).ToArray();
        if (finite.Length == 0)
            return "";
        double[] scaled = finite.Min() > 0 ? [.. finite.Select(value => Math.Log(value))] : finite;
        var columns = Math.Min(width, scaled.Length);
        var means = Enumerable.Range(0, columns)
            .Select(i => scaled[(i * scaled.Length / columns)..((i + 1) * scaled.Length / columns)].Average()).ToArray();
        var (low, high) = (means.Min(), means.Max());
        var scale = high > low ? (Blocks.Length - 1) / (high - low) : 0;
        return string.Concat(means.Select(mean => Blocks[(int)Math.Round((mean - low) * scale)]));
    }
}
