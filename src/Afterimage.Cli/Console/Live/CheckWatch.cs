using System.Diagnostics;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Numerics;

namespace Afterimage.Cli.Console;

/// <summary>Checks an experiment, and says how far that is where it takes more than a moment.</summary>
/// <param name="words">Where progress goes.</param>
/// <param name="first">What a check may take in silence.</param>
/// <param name="every">The time between two lines.</param>
internal sealed class CheckWatch(TextWriter words, TimeSpan first, TimeSpan every)
{
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(4);

    private readonly Stopwatch clock = Stopwatch.StartNew();
    private readonly Lock gate = new();
    private Phase? latest;

    public static IReadOnlyList<string> Faults(ExperimentFile files, Experiment experiment, TextWriter words) =>
        new CheckWatch(words, Silence, Silence).Faults(files, experiment);

    public IReadOnlyList<string> Faults(ExperimentFile files, Experiment experiment)
    {
        using var timer = new Timer(_ => Say(), null, first, every);
        return files.Check(experiment, See);
    }

    /// <summary>For a run that follows, with its threads, on which the last digits depend.</summary>
    /// <returns>The only case's round on the CPU, which the caller owns; null where there are several.</returns>
    /// <exception cref="AfterimageException">Something would stop a case.</exception>
    public static ClientRound? Opened(ExperimentFile files, Experiment experiment, RunOptions options, TextWriter words)
    {
        TorchSharp.torch.set_num_threads(options.Threads);
        var watch = new CheckWatch(words, Silence, Silence);
        using var timer = new Timer(_ => watch.Say(), null, Silence, Silence);
        var faults = files.Check(experiment, watch.See, out var only);
        if (faults.Count == 0)
            return only;
        only?.Dispose();
        throw new AfterimageException(string.Join(Environment.NewLine, faults));
    }

    private void See(Phase phase)
    {
        lock (gate)
            latest = phase;
    }

    private void Say()
    {
        Phase? now;
        lock (gate)
            now = latest;
        if (now is { } phase)
            words.WriteLine($"  {Figures.Duration(clock.Elapsed.TotalSeconds)}: checks the experiment: {Figures.Progress(phase)}");
    }
}
