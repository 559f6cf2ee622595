using System.CommandLine;
using Afterimage.Attacks;
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
        var input = new Option<string?>("--input")
        {
            HelpName = "CxHxW", Description = "Shape of one image; by default what the file says, and 3x32x32 for an architecture.",
        };
        var classes = new Option<int?>("--classes")
        {
            HelpName = "N", Description = "Outputs of the head; by default what the file says, and 10 for an architecture.",
        };
        var rank = new Option<bool>("--rank")
        {
            Description = "Count equations against unknowns layer by layer (R-GAP's rank analysis); may take a minute.",
        };
        var mode = new Option<ModelMode>("--mode") { Description = "How clients run the model, for the plan." };
        var json = JsonText.Option("the layers");
        var command = new Command("inspect", "Show the layers of a model and what such a model gives away.")
        {
            model, input, classes, mode, rank, json,
        };
        command.SetAction(line =>
        {
            var name = line.GetRequiredValue(model);
            var source = files.Catalog.Read<ModelSource>(PartName.Model(files.Catalog, name).ToJsonString(), "The command line");
            var given = line.GetValue(input) is { } text ? ImageShape.Parse(text) : (ImageShape?)null;
            var (shape, outputs) = Shapes(source, name, given, line.GetValue(classes));
            using var opened = source.Open(shape, outputs, new RandomSource(0), torch.ScalarType.Float32, torch.CPU);
            var card = ModelCard.Of(opened, name);
            var plan = InversionPlan.Of(opened, line.GetValue(mode));
            if (line.GetValue(json))
                JsonText.Write(terminal, Plain(card, plan));
            else
            {
                Write(terminal.Output, card);
                PlanView.Write(terminal.Output, plan);
            }
            if (!line.GetValue(rank))
                return;
            var network = opened.Network
                ?? throw new AfterimageException("The rank analysis needs known layers, and this file runs as a script.");
            var output = (line.GetValue(json) ? JsonText.Aside(terminal) : terminal).Output;
            RankView.Write(output, RankAnalysis.Of(network, new RandomSource(0)));
        });
        return command;
    }

    private static (ImageShape Input, int Classes) Shapes(ModelSource source, string name, ImageShape? input, int? classes)
    {
        var known = input is null || classes is null ? source.Shapes(input) : ModelShapes.Unknown;
        if (source is Architecture)
            return (input ?? known.Input ?? new(3, 32, 32), classes ?? known.Classes ?? 10);
        return (input ?? known.Input ?? throw new AfterimageException(
                $"{name} takes images of several shapes: say the shape with --input {known.Channels ?? 3}x32x32."),
            classes ?? known.Classes ?? throw new AfterimageException($"{name} does not tell its classes: say them with --classes 10."));
    }

    private static object Plain(ModelCard card, InversionPlan plan) => new
    {
        card.Name,
        Input = card.Input.ToString(),
        card.Classes,
        card.ParameterCount,
        card.HasBatchNorm,
        Activations = card.Activations.AsEnumerable(),
        Head = card.Head is var (weight, bias) ? new { Weight = weight, Bias = bias } : null,
        card.IsSmooth,
        Remarks = card.Hints.Concat(card.Notes),
        Layers = card.Layers.Select(layer => new
        {
            layer.Kind,
            layer.Depth,
            Output = layer.Output.AsEnumerable(),
            Parameters = layer.Parameters.Select(parameter =>
                new { parameter.Name, Shape = parameter.Shape.AsEnumerable(), parameter.Count }),
        }),
        Plan = new
        {
            Promise = plan.Promise.ToString(),
            Sentences = plan.Sentences.AsEnumerable(),
            Layers = plan.Layers.Select(layer => new
            {
                layer.Name, layer.Input, layer.Unknowns, layer.Equations, Reading = layer.Reading.ToString(), layer.LargestBatch,
            }),
        },
    };

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
