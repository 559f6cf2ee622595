using System.Diagnostics;

namespace Afterimage.Benchmarks;

/// <summary>Two ways to do the same work, run by turns for a few milliseconds each, so that a busy machine slows both alike.</summary>
internal static class Contest
{
    /// <summary>CPU seconds of one call of each, the medians over turns, and the median of the ratios of neighboring turns.</summary>
    public static (double First, double Second, double Ratio) Run(Action first, Action second, double seconds)
    {
        var (a, b) = (CallsPerTurn(first), CallsPerTurn(second));
        var turns = new List<(double First, double Second)>();
        var clock = Stopwatch.StartNew();
        while (turns.Count < 5 || clock.Elapsed.TotalSeconds < seconds)
            turns.Add((Time(first, a), Time(second, b)));
        return (Median(turns.Select(turn => turn.First)), Median(turns.Select(turn => turn.Second)),
            Median(turns.Select(turn => turn.First / turn.Second)));
    }

    /// <summary>Warms up and finds how many calls fill a turn of about 50 ms.</summary>
    private static int CallsPerTurn(Action action)
    {
        for (var i = 0; i < 3; i++)
            action();
        var clock = Stopwatch.StartNew();
        var calls = 0;
        for (; clock.Elapsed.TotalSeconds < 0.3; calls++)
            action();
        return Math.Max(1, (int)(calls * 0.05 / clock.Elapsed.TotalSeconds));
    }

    public static double CpuSeconds(Action action)
    {
        var begin = Environment.CpuUsage.TotalTime;
        action();
        return (Environment.CpuUsage.TotalTime - begin).TotalSeconds;
    }

    private static double Time(Action action, int calls) => CpuSeconds(() =>
    {
        for (var i = 0; i < calls; i++)
            action();
    }) / calls;

    private static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return sorted[sorted.Length / 2];
    }
}
