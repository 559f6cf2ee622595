using Afterimage.Audit.Cases;
using Afterimage.Audit.Execution;
using Afterimage.Audit.Measurements;
using Afterimage.Audit.Recipes;
using Afterimage.Cli.Console;
using Afterimage.Reports;
using Afterimage.Reports.Recipes;

namespace Afterimage.Cli.Commands.Reproduction;

/// <summary>
/// Runs the rows of a recipe one after the other, each an audit in a folder of its own whose journal it goes on with.
/// </summary>
/// <param name="Files">Reads experiments.</param>
/// <param name="Folder">The folder of the gallery; the audits lie under runs/ in it.</param>
/// <param name="Threads">Threads of libtorch.</param>
/// <param name="Parallel">Cases at once.</param>
internal sealed record RecipeRunner(ExperimentFile Files, string Folder, int Threads, int Parallel)
{
    /// <summary>The run; null where it was stopped.</summary>
    /// <exception cref="AfterimageException">Data of a full run are not there, or a folder holds another run.</exception>
    public RecipeRun? Run(string name, Recipe recipe, bool quick, Terminal terminal, CancellationToken cancellation)
    {
        var audits = new List<(string, AuditReport, string)>();
        var experiments = new RecipeFile(Files).Experiments(recipe, quick);
        Check(experiments, quick);
        foreach (var (row, experiment) in experiments)
        {
            var options = new RunOptions
            {
                Folder = Path.Combine(Folder, "runs", name, quick ? "quick" : "full", Plain(row)),
                Threads = Threads,
                Parallel = Parallel,
                Command = $"afterimage reproduce {name}{(quick ? " --quick" : "")}",
            };
            options = options with { Resume = File.Exists(Path.Combine(options.Folder, Journal.FileName)) };
            if (row.Length > 0)
                terminal.Raw.WriteLine($"{row}:");
            var run = ExperimentRun.Start(Files, experiment, new AttackAndJudge { Leakage = recipe.Leakage }, options, cancellation);
            Watching.ToTheEnd(run.Events, terminal, cancellation);
            var report = run.Report.GetAwaiter().GetResult();
            if (cancellation.IsCancellationRequested)
                return null;
            audits.Add((row, report, options.Folder));
        }
        return RecipeOutcome.Of(name, recipe, quick, audits);
    }

    /// <summary>Quick runs need no data; a full run without its data must not begin, for refused cases would count as made.</summary>
    private void Check(IReadOnlyList<(string Row, Experiment Experiment)> experiments, bool quick)
    {
        var faults = quick ? [] : experiments.SelectMany(row => Files.Check(row.Experiment with { Trials = 1 })).Distinct().ToArray();
        if (faults.Length > 0)
            throw new AfterimageException(string.Join(" ", faults));
    }

    private static string Plain(string row) => row.Length == 0 ? "all"
        : string.Concat(row.ToLowerInvariant().Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '-')).Trim('-');
}
