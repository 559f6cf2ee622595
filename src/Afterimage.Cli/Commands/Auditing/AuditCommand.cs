using System.CommandLine;
using Afterimage.Audit.Cases;
using Afterimage.Cli.Console;
using Afterimage.Cli.Options;

namespace Afterimage.Cli.Commands;

/// <summary>Runs an audit, shows it while it runs, and ends with a table, a verdict and a report.</summary>
internal static class AuditCommand
{
    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var experiment = new ExperimentOptions(files);
        var flags = new ReportFlags();
        var command = new Command("audit", "Attack a client's update and judge what came back.");
        experiment.AddTo(command);
        flags.AddTo(command);
        command.SetAction(line => flags.Run(line, files, experiment.Read(line), flags.Audit(line), terminal));
        return command;
    }
}
