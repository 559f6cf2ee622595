using System.CommandLine;
using Afterimage.Cli.Console;
using Afterimage.Data;
using Spectre.Console;

namespace Afterimage.Cli.Commands;

/// <summary>Lists public data sets and fetches them.</summary>
internal static class DataCommand
{
    public static Command Create(Terminal terminal)
    {
        var list = new Command("list", "List public data sets and where they are.");
        list.SetAction(_ => List(terminal.Output));
        var name = new Argument<string>("NAME") { Description = string.Join(", ", DataCatalog.Entries.Select(entry => entry.Name)) + "." };
        var get = new Command("get", "Fetch a data set and check it.") { name };
        get.SetAction(line =>
        {
            var entry = DataCatalog.Find(line.GetRequiredValue(name));
            using var interruption = new Interruption();
            terminal.Raw.WriteLine($"{entry.Title}: {Fetch(entry, terminal, interruption.Token)}");
        });
        return new Command("data", "List and fetch public data sets.") { list, get };
    }

    /// <summary>The folder that holds the files of a data set, or null.</summary>
    public static string? Folder(DataEntry entry) => DataFolders.Standard().Search(entry, [.. entry.Marks]);

    private static void List(IAnsiConsole console)
    {
        foreach (var entry in DataCatalog.Entries)
        {
            console.Write(new Markup($"[teal]{entry.Name}[/]  {Markup.Escape(entry.Title)}: {Markup.Escape(entry.Summary)}\n"));
            console.Write(new Padder(Folder(entry) is { } folder
                ? new Text(folder, new(Color.Green))
                : new Text($"not here: afterimage data get {entry.Name}", new(Color.Grey)), new(2, 0, 0, 0)));
        }
        console.Write(new Markup("[teal]dead-leaves[/]  Procedural images with natural statistics\n"));
        console.Write(new Padder(new Text("always here", new(Color.Green)), new(2, 0, 0, 0)));
    }

    private static string Fetch(DataEntry entry, Terminal terminal, CancellationToken cancellation)
    {
        var root = DataFolders.Standard().Roots[^1];
        if (!terminal.Live)
            return DataDownload.Get(entry, root, cancellation: cancellation);
        return terminal.Output.Progress().AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new DownloadedColumn(), new TransferSpeedColumn())
            .Start(progress =>
            {
                var task = progress.AddTask(entry.Name, maxValue: double.MaxValue);
                return DataDownload.Get(entry, root, new Bar(task), cancellation: cancellation);
            });
    }

    private sealed class Bar(ProgressTask task) : IProgress<(long Done, long? Total)>
    {
        public void Report((long Done, long? Total) value)
        {
            task.MaxValue = value.Total ?? double.MaxValue;
            task.Value = value.Done;
        }
    }
}
