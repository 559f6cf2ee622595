using System.Collections.Concurrent;
using System.Diagnostics;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Measurements;
using Afterimage.Reports;

namespace Afterimage.Audit.Execution;

/// <summary>What a sweep is going to cost, measured on some of its cases.</summary>
/// <param name="Cases">Cases of the sweep.</param>
/// <param name="Sampled">Cases that were run for the estimate.</param>
/// <param name="Settings">Settings, that is cases that differ by more than seed and trial.</param>
/// <param name="SettingsSampled">Settings of which a case was run; the others are taken to cost the mean of these.</param>
/// <param name="Failed">Sampled cases that crashed or were refused.</param>
/// <param name="Seconds">Seconds of all cases together, one worker.</param>
/// <param name="Least">The same if every case took as long as the fastest of its setting.</param>
/// <param name="Most">The same if every case took as long as the slowest of its setting.</param>
/// <param name="Bytes">Bytes on the disk of all cases.</param>
public sealed record CostSample(int Cases, int Sampled, int Settings, int SettingsSampled, int Failed, double Seconds, double Least,
    double Most, double Bytes)
{
    /// <summary>Runs cases in child processes, one of every setting first, until the time is over.</summary>
    /// <param name="files">Reads experiments.</param>
    /// <param name="experiment">The sweep.</param>
    /// <param name="measurement">What is measured of each case.</param>
    /// <param name="options">A folder that the caller removes; as many cases at once as the sweep will have.</param>
    /// <param name="most">After its first case, which is not counted, no worker begins a case later than this.</param>
    /// <param name="watch">Told of every case that has ended: how many, and of how many.</param>
    /// <param name="cancellation">Ends the sampling.</param>
    public static CostSample Measure(ExperimentFile files, Experiment experiment, Measurement measurement, RunOptions options,
        TimeSpan most, Action<int, int> watch, CancellationToken cancellation)
    {
        var all = files.Expand(experiment);
        var cases = options.Shard?.Of(all) ?? all;
        var settings = cases.GroupBy(one => files.Write(one.Configuration with { Seed = 0 })).Select(group => group.ToArray()).ToArray();
        var queue = new ConcurrentQueue<(int Setting, Case One)>(Order(settings));
        var (planned, ended) = (queue.Count, 0);
        var results = new ConcurrentBag<(int Setting, CaseResult Result)>();
        using var executor = CaseExecutor.InChildren(files, measurement, options with { Parallel = 1 });
        void Work()
        {
            // The first case of a child pays for its start, which the cases of a long sweep share.
            if (cases.Count > 0)
                executor.Execute(cases[0], _ => { }, cancellation);
            var clock = Stopwatch.StartNew();
            while (clock.Elapsed < most && !cancellation.IsCancellationRequested && queue.TryDequeue(out var next))
                if (executor.Execute(next.One, _ => { }, cancellation) is { } result && !cancellation.IsCancellationRequested)
                {
                    results.Add((next.Setting, result));
                    watch(Interlocked.Increment(ref ended), planned);
                }
        }
        Thread[] threads = [.. Enumerable.Range(0, options.Parallel).Select(_ => new Thread(Work))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        cancellation.ThrowIfCancellationRequested();
        return Of(settings, [.. results], Size(options.Folder));
    }

    /// <summary>The first case of every setting, settings far apart first; then the second of every one, and the third.</summary>
    private static IEnumerable<(int, Case)> Order(Case[][] settings)
    {
        const int PerSetting = 3;
        var stride = Enumerable.Range(Math.Max(1, settings.Length * 5 / 8), settings.Length)
            .First(step => settings.Length <= 1 || Divisor(step, settings.Length) == 1);
        return Enumerable.Range(0, PerSetting).SelectMany(round => Enumerable.Range(0, settings.Length)
            .Select(i => (int)((long)i * stride % settings.Length)).Where(i => round < settings[i].Length)
            .Select(i => (i, settings[i][round])));
    }

    private static int Divisor(int a, int b) => b == 0 ? a : Divisor(b, a % b);

    private static CostSample Of(Case[][] settings, (int Setting, CaseResult Result)[] results, long bytes)
    {
        var failed = results.Count(sampled => sampled.Result is CaseFinished { Report.Outcome: "Crashed" or "Refused" });
        var seconds = results.ToLookup(sampled => sampled.Setting, sampled => sampled.Result.Seconds);
        var known = results.Select(sampled => sampled.Result.Seconds).DefaultIfEmpty(double.NaN).ToArray();
        var typical = seconds.Select(setting => setting.Average()).DefaultIfEmpty(double.NaN).Average();
        double Sum(Func<IEnumerable<double>, double> of, double other) =>
            settings.Index().Sum(setting => setting.Item.Length * (seconds[setting.Index].Any() ? of(seconds[setting.Index]) : other));
        var cases = settings.Sum(setting => setting.Length);
        return new(cases, results.Length, settings.Length, seconds.Count, failed, Sum(Enumerable.Average, typical),
            Sum(Enumerable.Min, known.Min()), Sum(Enumerable.Max, known.Max()), (double)bytes / Math.Max(1, results.Length) * cases);
    }

    private static long Size(string folder) => Directory.Exists(folder)
        ? Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Sum(path => new FileInfo(path).Length) : 0;
}
