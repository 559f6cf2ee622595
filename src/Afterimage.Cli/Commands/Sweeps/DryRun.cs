using Afterimage.Audit.Cases;
using Afterimage.Audit.Execution;
using Afterimage.Audit.Measurements;
using Afterimage.Cli.Console;

namespace Afterimage.Cli.Commands;

/// <summary>Says what a sweep is going to cost, from a sample of its cases.</summary>
internal static class DryRun
{
    public static int Write(ExperimentFile files, Experiment experiment, AttackAndJudge measurement, RunOptions options, double seconds,
        Terminal terminal, CancellationToken stopping)
    {
        if (!(seconds > 0))
            throw new AfterimageException("--sample needs a number of seconds above 0.");
        var folder = Directory.CreateTempSubdirectory("afterimage-sample-").FullName;
        try
        {
            var output = terminal.Raw;
            var found = CostSample.Measure(files, experiment, measurement, options with { Folder = folder },
                TimeSpan.FromSeconds(seconds), (done, of) => output.WriteLine($"  sampled {done} of at most {of} cases"), stopping);
            if (found.Sampled == 0)
                throw new AfterimageException("No case of the sample has ended: give it more time with --sample.");
            var wall = found.Seconds / options.Parallel;
            output.WriteLine($"{Figures.Plural(found.Cases, "case")}, {Figures.Plural(found.Settings, "setting")}; sampled " +
                $"{Figures.Plural(found.Sampled, "case")} of {Figures.Plural(found.SettingsSampled, "setting")}" +
                (found.Failed > 0 ? $", {found.Failed} of which crashed or were refused" : "") + ".");
            output.WriteLine($"All together: {Figures.Duration(found.Seconds)} of one worker, " +
                $"{Figures.Duration(found.Least)} to {Figures.Duration(found.Most)} by the fastest and the slowest sampled case of " +
                    "each setting.");
            output.WriteLine($"On {Figures.Plural(options.Parallel, "worker")} here: about {Figures.Duration(wall)}; " +
                $"on the disk: about {found.Bytes / 1e6:0.0} MB.");
            return ExitCode.Fine;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
