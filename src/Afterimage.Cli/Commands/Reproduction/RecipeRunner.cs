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
    public RecipeRun? Run(string name, Recipe recipe, bool quick, Terminal terminal, CancellationToken cancellation)
    {
        var audits = new List<(string, AuditReport, string)>();
        foreach (var (row, experiment) in new RecipeFile(Files).Experiments(recipe, quick))
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

    private static string Plain(string row) => row.Length == 0 ? "all"
        : string.Concat(row.ToLowerInvariant().Select(letter => char.IsAsciiLetterOrDigit(letter) ? letter : '-')).Trim('-');
}
