using System.CommandLine;
using Afterimage.Audit.Cases;
using Afterimage.Cli.Console;

namespace Afterimage.Cli.Commands;

/// <summary>Prints the JSON schema of experiments, for editors.</summary>
internal static class SchemaCommand
{
    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var command = new Command("schema", "Print the JSON schema of an experiment file, for editors.");
        command.SetAction(_ => terminal.Raw.WriteLine(files.Catalog.Schema<Experiment>().ToJsonString(files.Catalog.Json)));
        return command;
    }
}
