using System.CommandLine;
using Afterimage.Audit.Cases;
using Afterimage.Cli.Console;
using Afterimage.Cli.Options;

namespace Afterimage.Cli.Commands;

/// <summary>Finds every fault of an experiment before anything runs.</summary>
internal static class CheckCommand
{
    private sealed record Checked(IReadOnlyList<string> Faults, long Cases);

    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var experiment = new ExperimentOptions(files);
        var command = new Command("check", "Find every fault of an experiment without running it.");
        experiment.AddTo(command);
        var json = JsonText.Option("faults and the number of cases");
        command.Add(json);
        command.SetAction(line =>
        {
            var (faults, cases) = Check(files, () => experiment.Read(line), terminal);
            if (line.GetValue(json))
            {
                JsonText.Write(terminal, new Checked(faults, cases));
                return faults.Count > 0 ? ExitCode.BadInput : ExitCode.Fine;
            }
            foreach (var fault in faults)
                terminal.Error.WriteLine($"afterimage: {fault}");
            if (faults.Count > 0)
                return ExitCode.BadInput;
            terminal.Raw.WriteLine($"No faults; {Figures.Plural(cases, "case")} to run.");
            return ExitCode.Fine;
        });
        return command;
    }

    private static Checked Check(ExperimentFile files, Func<Experiment> read, Terminal terminal)
    {
        try
        {
            var described = read();
            var faults = CheckWatch.Faults(files, described, terminal.Error);
            return new(faults, faults.Count > 0 ? 0 : ExperimentFile.Count(described));
        }
        catch (AfterimageException fault)
        {
            return new(fault.Faults.Count > 0 ? fault.Faults : [fault.Message], 0);
        }
    }
}
