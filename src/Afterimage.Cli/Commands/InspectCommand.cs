using System.CommandLine;
using Afterimage.Audit.Cases;
using Afterimage.Cli.Console;
using Afterimage.Cli.Options;
using Afterimage.Leakage;
using Afterimage.Models;
using Afterimage.Numerics;
using Spectre.Console;
using TorchSharp;

namespace Afterimage.Cli.Commands;

/// <summary>Shows the layers of a built-in model or a file, and what such a model leaks.</summary>
internal static class InspectCommand
{
    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var model = new Argument<string>("MODEL") { Description = "A built-in architecture or a TorchScript file." };
        var input = new Option<string>("--input")
        {
            HelpName = "CxHxW", Description = "Shape of one image.", DefaultValueFactory = _ => "3x32x32",
        };
        var classes = new Option<int>("--classes") { HelpName = "N", Description = "Outputs of the head.", DefaultValueFactory = _ => 10 };
        var rank = new Option<bool>("--rank")
        {
            Description = "Count equations against unknowns layer by layer (R-GAP's rank analysis); may take a minute.",
        };
        var command = new Command("inspect", "Show the layers of a model and what such a model gives away.")
        {
            model, input, classes, rank,
        };
        command.SetAction(line =>
        {
            var name = line.GetRequiredValue(model);
            var source = files.Catalog.Read<ModelSource>(PartName.Model(files.Catalog, name).ToJsonString(), "The command line");
            using var opened = source.Open(ImageShape.Parse(line.GetRequiredValue(input)), line.GetValue(classes), new RandomSource(0),
                torch.ScalarType.Float32, torch.CPU);
            Write(terminal.Output, ModelCard.Of(opened, name));
            if (!line.GetValue(rank))
                return;
            var network = opened.Network
                ?? throw new AfterimageException("The rank analysis needs known layers, and this file runs as a script.");
            RankView.Write(terminal.Output, RankAnalysis.Of(network, new RandomSource(0)));
        });
        return command;
    }

    private static void Write(IAnsiConsole console, ModelCard card)
    {
        console.WriteLine($"{card.Name}: {card.Input} to {Figures.Plural(card.Classes, "class", "classes")}, " +
            $"{Figures.Plural(card.ParameterCount, "parameter")}.");
        foreach (var sentence in card.Hints.Concat(card.Notes))
            console.WriteIndented(sentence);
        var table = new Table { Border = TableBorder.Simple, BorderStyle = new(Color.Grey) };
        table.AddColumns("layer", "output", "parameter", "shape").AddColumn(new TableColumn("numbers").RightAligned());
        foreach (var layer in card.Layers)
        {
            var kind = new string(' ', 2 * layer.Depth) + layer.Kind;
            table.AddRow(
                new Text(kind),
                new Text(string.Join("x", layer.Output)),
                new Text(string.Join("\n", layer.Parameters.Select(parameter => parameter.Name))),
                new Text(string.Join("\n", layer.Parameters.Select(parameter => string.Join("x", parameter.Shape)))),
                new Text(string.Join("\n", layer.Parameters.Select(parameter => Figures.Count(parameter.Count)))));
        }
        console.Write(table);
    }
}
