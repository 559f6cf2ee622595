using System.CommandLine;
using Afterimage.Audit;
using Afterimage.Audit.Cases;
using Afterimage.Cli.Console;
using Afterimage.Cli.Options;
using Spectre.Console;

namespace Afterimage.Cli.Commands;

/// <summary>Prints an experiment as an equation, with the papers behind its parts, and its complete JSON.</summary>
internal static class ExplainCommand
{
    private const int MostCases = 20;

    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var options = new ExperimentOptions(files);
        var command = new Command("explain", "Print an experiment as an equation with citations, and in full.");
        options.AddTo(command);
        command.SetAction(line =>
        {
            var experiment = options.Read(line);
            Section(terminal, "Equation", Explanation.Equation(experiment));
            var cases = files.Expand(experiment);
            if (cases.Count > 1)
                Section(terminal, Figures.Plural(cases.Count, "case"),
                    string.Join("\n", cases.Take(MostCases).Select(one => one.Name)) + (cases.Count > MostCases ? "\n..." : ""));
            Section(terminal, "Operator", Operator(experiment));
            Section(terminal, "Literature", string.Join("\n\n", Explanation.Cites(experiment).Select(References.Find)
                .Select(citation => citation.Url is null ? citation.Text : $"{citation.Text}\n{citation.Url}")));
            terminal.Output.WriteHeading("Experiment");
            terminal.Raw.WriteLine(files.Write(experiment));
        });
        return command;
    }

    private static string Operator(Experiment experiment)
    {
        try
        {
            using var round = experiment.Client.Open(experiment.Model, 0, new(experiment.Seed), TorchSharp.torch.CPU);
            return round.Training.Obstacle(round.Model) is { } obstacle
                ? $"Automatic differentiation. {obstacle}, so the operator cannot be compiled."
                : "Compiled, unless a short timing finds automatic differentiation faster.";
        }
        catch (AfterimageException fault)
        {
            return $"Unknown: {fault.Message}";
        }
    }

    private static void Section(Terminal terminal, string title, string text)
    {
        terminal.Output.WriteHeading(title);
        terminal.Output.WriteIndented(text);
        terminal.Output.WriteLine();
    }
}
