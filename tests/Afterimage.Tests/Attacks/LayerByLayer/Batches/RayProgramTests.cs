using Afterimage.Attacks;
using Afterimage.Numerics;

namespace Afterimage.Tests.Attacks.LayerByLayer;

public class RayProgramTests
{
    [Theory]
    [InlineData(1UL), InlineData(2UL), InlineData(3UL), InlineData(4UL)]
    public void It_ends_in_the_corner_that_trying_all_corners_finds(ulong seed)
    {
        var random = new RandomSource(seed).Managed();
        double[] Draw(double shift) => [.. Enumerable.Range(0, 3).Select(_ => random.NextDouble() - shift)];
        // The first axis is inside of every half space.
        double[][] rows = [.. Enumerable.Range(0, 20).Select(_ => Draw(0.5)).Select(row => (double[])[1, row[1] * 3, row[2] * 3])];
        var objective = Draw(0.5);
        var sum = Enumerable.Range(0, 3).Select(k => rows.Sum(row => row[k])).ToArray();
        double Cost(double[] v) => Dot(objective, v) / Dot(sum, v);

        var corners = from i in Enumerable.Range(0, rows.Length)
                      from j in Enumerable.Range(0, rows.Length)
                      where i != j
                      let v = Cross(rows[i], rows[j])
                      where rows.All(row => Dot(row, v) > -1e-12)
                      select v;
        var found = new RayProgram(rows, new double[rows.Length]).Minimize(objective, TestContext.Current.CancellationToken)!;
        Assert.Equal(corners.Min(Cost), Cost(found), 9);
        Assert.All(rows, row => Assert.True(Dot(row, found) > -1e-8));
    }

    [Fact]
    public void A_program_that_is_stopped_gives_nothing()
    {
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.Null(new RayProgram([[1, 0], [0, 1]], [0, 0]).Minimize([1, 0], stop.Token));
    }

    private static double Dot(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum();

    private static double[] Cross(double[] a, double[] b) =>
        [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}
