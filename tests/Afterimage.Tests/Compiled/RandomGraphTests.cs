namespace Afterimage.Tests.Compiled;

/// <summary>
/// Networks that nobody thought of agree with automatic differentiation. The first of the graphs that
/// "dotnet run -c Release --project bench/Afterimage.Benchmarks -- graphs N SEED" goes through.
/// </summary>
public class RandomGraphTests
{
    [Fact]
    public void Random_graphs_agree()
    {
        for (var number = 0; number < 60; number++)
        {
            var graph = RandomGraph.Draw(2026, number);
            // Whatever layer can go without the fault is left out.
            if (GraphJudge.Fault(graph) is not null)
                Assert.Fail($"{number}: {GraphJudge.Smallest(graph)}");
            if (graph.IsSmooth && GraphJudge.SingleFault(graph) is { } fault)
                Assert.Fail($"{number} in single precision: {fault}: {graph}");
        }
    }

    /// <summary>BatchNorm of one image next to tokens, where libtorch's own derivatives are wrong.</summary>
    [Theory]
    [InlineData(7, 392), InlineData(12, 84), InlineData(12, 245), InlineData(2611, 192), InlineData(99, 341)]
    public void Graphs_that_once_differed_agree(int seed, int number) => Assert.Null(GraphJudge.Fault(RandomGraph.Draw(seed, number)));
}
