using System.Diagnostics;
using System.Globalization;
using Afterimage.Models;
using Afterimage.Tests.Attacks.LayerByLayer;
using Afterimage.Tests.Compiled;
using static TorchSharp.torch;

namespace Afterimage.Benchmarks;

/// <summary>Random networks whose images the counts promise exactly, and how many of these promises the attack keeps.</summary>
internal static class PromiseTable
{
    private const double Seconds = 120;

    /// <summary>The PSNR from which on an image counts as exact.</summary>
    private const double Exact = 50;

    /// <summary>Graphs over all layers, then graphs of the kinds that are solved for; 1 where a promise is broken.</summary>
    public static int Print(TextWriter output, int count, int seed)
    {
        set_num_threads(1);
        var began = Stopwatch.GetTimestamp();
        var (promised, kept) = (0, 0);
        var reached = new List<double>();
        var all = Enumerable.Range(0, count).Select(number => RandomGraph.Draw(seed, number).Network).Where(PlannedGraph.IsPromised)
            .Concat(Enumerable.Range(0, count).Select(number => PlannedGraph.Draw(seed, number)));
        foreach (var network in all)
        {
            promised++;
            var psnr = PlannedGraph.Psnr(network, Seconds, out var way);
            reached.Add(psnr);
            if (psnr >= Exact)
                kept++;
            else
                output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{promised}: {psnr:0.0} dB, {network.Input}: {string.Join(" | ", network.Layers)}; {way}"));
        }
        reached.Sort();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{count:N0} graphs over all layers and {count:N0} that are solved for, seed {seed}: {promised:N0} images promised exactly, " +
            $"{kept:N0} kept, median {reached[reached.Count / 2]:0.0} dB, {Stopwatch.GetElapsedTime(began).TotalSeconds:0} s"));
        return kept == promised ? 0 : 1;
    }
}
