using System.Diagnostics;
using System.Globalization;
using Afterimage.Models;
using Afterimage.Tests.Compiled;
using static TorchSharp.torch;

namespace Afterimage.Benchmarks;

/// <summary>Random networks over all kinds of layers, the compiled operator against automatic differentiation.</summary>
internal static class GraphTable
{
    /// <summary>Prints how often each kind of layer came, and every fault in its smallest form; 1 where there is a fault.</summary>
    public static int Print(TextWriter output, int count, int seed)
    {
        set_num_threads(1);
        var began = Stopwatch.GetTimestamp();
        var kinds = new SortedDictionary<string, int>(StringComparer.Ordinal);
        var (faults, smooth, rounded) = (0, 0, 0);
        for (var number = 0; number < count; number++)
        {
            var graph = RandomGraph.Draw(seed, number);
            foreach (var layer in graph.Network.Layers.SelectMany(layer => layer.Within))
            {
                var kind = layer switch
                {
                    Activation activation => $"{activation.Kind}",
                    BatchNorm2d => $"BatchNorm2d, {graph.Mode}",
                    Conv2d { Groups: > 1 } conv => conv.Groups == conv.Input ? "Conv2d, depthwise" : "Conv2d, groups",
                    _ => layer.GetType().Name,
                };
                kinds[kind] = kinds.GetValueOrDefault(kind) + 1;
            }
            smooth += graph.IsSmooth ? 1 : 0;
            var fault = GraphJudge.Fault(graph, out var isByRounding) is not null ? GraphJudge.Smallest(graph)
                : graph.IsSmooth && GraphJudge.SingleFault(graph) is { } single ? $"in single precision {single}: {graph}" : null;
            rounded += isByRounding ? 1 : 0;
            if (fault is null)
                continue;
            faults++;
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{number}: {fault}"));
        }
        foreach (var (kind, times) in kinds)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{kind,-24} {times,6:N0}"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{count:N0} graphs, {smooth:N0} of them in single precision too, seed {seed}, {faults:N0} faults, " +
            $"{rounded:N0} with products that cancel and are judged by their rounding, " +
            $"{Stopwatch.GetElapsedTime(began).TotalSeconds:0} s"));
        return faults == 0 ? 0 : 1;
    }
}
