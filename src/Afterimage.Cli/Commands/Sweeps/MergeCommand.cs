using System.CommandLine;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Execution;
using Afterimage.Cli.Console;
using Afterimage.Cli.Options;
using Afterimage.Sweeps;

namespace Afterimage.Cli.Commands;

/// <summary>Puts the folders of shares together.</summary>
internal static class MergeCommand
{
    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var folders = new Argument<string[]>("FOLDER")
        {
            Description = "Folders that \"sweep --shard\" wrote.", Arity = ArgumentArity.OneOrMore,
        };
        var folder = new Option<string>("--out", "-o") { HelpName = "DIR", Description = "Folder of the report.", Required = true };
        var command = new Command("merge", "Put the folders of shares together: one journal, one report.") { folders, folder };
        command.SetAction(line =>
        {
            var into = line.GetRequiredValue(folder);
            OutputPath.CheckFolder("--out", into);
            var (report, missing) = JournalMerge.Into(files, line.GetRequiredValue(folders), into,
                CommandLine.Of(line.Tokens.Select(token => token.Value)));
            ParquetExporter.Export(report, into);
            SweepSummary.Write(terminal.Raw, report, into);
            if (missing > 0)
                terminal.Raw.WriteLine($"{Figures.Plural(missing, "case")} of the experiment " +
                    $"{(missing == 1 ? "is" : "are")} missing: run the other shares, or \"sweep --resume\" in {into}.");
            return ExitCode.Fine;
        });
        return command;
    }
}
