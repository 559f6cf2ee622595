using System.CommandLine;
using Afterimage.Audit.Experiments;
using Afterimage.Cli.Console;
using Afterimage.Cli.Options;
using Afterimage.Models;
using Afterimage.Numerics;
using Spectre.Console;
using TorchSharp;

namespace Afterimage.Cli.Commands;

/// <summary>Shows what a model is made of: a built-in one or a file.</summary>
internal static class InspectCommand
{
    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var model = new Argument<string>("MODEL") { Description = "A built-in architecture or a TorchScript file." };
        var input = new Option<string>("--input") { HelpName = "CxHxW", Description = "Shape of one image.", DefaultValueFactory = _ => "3x32x32" };
        var classes = new Option<int>("--classes") { HelpName = "N", Description = "Outputs of the head.", DefaultValueFactory = _ => 10 };
        var command = new Command("inspect", "Show the parameters and layers of a model.") { model, input, classes };
        command.SetAction(line =>
        {
            var source = files.Catalog.Read<ModelSource>(PartName.Model(files.Catalog, line.GetRequiredValue(model)).ToJsonString(), "The command line");
            using var opened = source.Open(ImageShape.Parse(line.GetRequiredValue(input)), line.GetValue(classes), new RandomSource(0),
                torch.ScalarType.Float32, torch.CPU);
            Write(terminal.Output, line.GetRequiredValue(model), opened);
        });
        return command;
    }

    private static void Write(IAnsiConsole console, string name, VictimModel model)
    {
        console.WriteLine($"{name}: {model.Input} to {Figures.Plural(model.Classes, "class", "classes")}, " +
            $"{Figures.Plural((int)model.Layout.Count, "parameter")} in {Figures.Plural(model.Layout.Entries.Count, "tensor")}.");
        var scalars = (double)model.Layout.Count / model.Input.Count;
        console.WriteLine($"The update has {scalars:0.#} numbers for each number of an image.");
        if (model.Buffers.Count > 0)
            console.WriteLine($"BatchNorm keeps {Figures.Plural(model.Buffers.Count, "buffer")}: whether a client trains in train or eval mode matters.");
        foreach (var note in model.Notes)
            console.WriteLine(note);
        var table = new Table { Border = TableBorder.Simple, BorderStyle = new(Color.Grey) };
        table.AddColumn("parameter").AddColumn("shape").AddColumn(new TableColumn("numbers").RightAligned());
        foreach (var entry in model.Layout.Entries)
            table.AddRow(Markup.Escape(entry.Name), string.Join("x", entry.Shape), Figures.Count((int)entry.Count));
        console.Write(table);
    }
}
