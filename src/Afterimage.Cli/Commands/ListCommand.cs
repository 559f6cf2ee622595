using System.CommandLine;
using System.Reflection;
using Afterimage.Attacks;
using Afterimage.Audit;
using Afterimage.Audit.Cases;
using Afterimage.Cli.Console;
using Afterimage.Cli.Options;
using Afterimage.Data;
using Afterimage.Models;
using Spectre.Console;

namespace Afterimage.Cli.Commands;

/// <summary>Lists the attacks, models, data sets and parts that an experiment can name, in one sentence each.</summary>
internal static class ListCommand
{
    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var what = new Argument<string>("what")
        {
            Description = "attacks, models, data or parts; all of them by default.", DefaultValueFactory = _ => "all",
        };
        what.AcceptOnlyFromAmong("all", "attacks", "models", "data", "parts");
        var command = new Command("list", "List attacks, models, data sets and parts, in one sentence each.") { what };
        command.SetAction(line => Write(files.Catalog, terminal.Output, line.GetRequiredValue(what)));
        return command;
    }

    private static void Write(Catalog catalog, IAnsiConsole console, string what)
    {
        if (what is "all" or "attacks")
            Section(console, "Attacks", "--attack NAME", catalog.Attacks.Select(pair => (pair.Key, Summary(pair.Key, pair.Value))));
        if (what is "all" or "models")
            Section(console, "Models", "--model NAME", Parts(catalog, typeof(ModelSource)));
        if (what is "all" or "data")
            Section(console, "Data", $"--data NAME: {string.Join(", ", PartName.DataNames(catalog))}, or a folder",
                Parts(catalog, typeof(DataSource)));
        if (what is not ("all" or "parts"))
            return;
        foreach (var root in catalog.Roots.Where(root => root != typeof(ModelSource) && root != typeof(DataSource)))
            Section(console, Title(root), Catalog.Summary(root) ?? "", Parts(catalog, root));
    }

    private static IEnumerable<(string, string)> Parts(Catalog catalog, Type root) => catalog.Parts(root)
        .Select(part => (Catalog.Kind(part), string.Join(" ", [Catalog.Summary(part) ?? "", .. Cited(part)])));

    /// <summary>The summary of the property of <see cref="Known"/> that holds the attack, or that of the attack's type.</summary>
    private static string Summary(string name, Attack attack)
    {
        var known = typeof(Known).GetProperties().FirstOrDefault(property => ReferenceEquals(property.GetValue(null), attack));
        return Catalog.Summary((MemberInfo?)known ?? attack.GetType()) ?? name;
    }

    private static IEnumerable<string> Cited(Type part) =>
        (part.GetCustomAttribute<CitesAttribute>()?.Keys ?? []).Select(key => References.Find(key).Text);

    /// <summary>"Label rule" for LabelRule.</summary>
    private static string Title(Type root) => root.Name[0] + string.Concat(root.Name.Skip(1)
        .Select(letter => char.IsUpper(letter) ? $" {char.ToLowerInvariant(letter)}" : $"{letter}"));

    private static void Section(IAnsiConsole console, string title, string subtitle, IEnumerable<(string Name, string Summary)> rows)
    {
        console.WriteHeading(title);
        if (subtitle.Length > 0)
            console.WriteIndented(subtitle, new(Color.Grey));
        var all = rows.ToArray();
        var names = all.Length == 0 ? 0 : all.Max(row => row.Name.Length);
        var grid = new Grid { Width = Math.Min(console.Profile.Width, 120) };
        grid.AddColumn(new GridColumn { Width = names, Padding = new(2, 0, 2, 0), NoWrap = true });
        grid.AddColumn(new GridColumn { Padding = new(0) });
        foreach (var (name, summary) in all)
            grid.AddRow(new Text(name, new(Color.Teal)), new Text(summary));
        console.Write(grid);
        console.WriteLine();
    }
}
