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
    private sealed record Section(string Title, string Subtitle, IReadOnlyList<Named> Entries);

    private sealed record Named(string Name, string Summary);

    public static Command Create(ExperimentFile files, Terminal terminal)
    {
        var what = new Argument<string>("WHAT")
        {
            Description = "attacks, models, data or parts; all of them by default.", DefaultValueFactory = _ => "all",
        };
        what.AcceptOnlyFromAmong("all", "attacks", "models", "data", "parts");
        var json = JsonText.Option("names and summaries");
        var markdown = new Option<bool>("--markdown")
        {
            Description = "Print every root type with a table of its leaves, for documentation.",
        };
        var command = new Command("list", "List attacks, models, data sets and parts, in one sentence each.") { what, json, markdown };
        command.SetAction(line =>
        {
            if (line.GetValue(markdown))
            {
                terminal.Raw.Write(LeafTables.Write(files));
                return;
            }
            var sections = Sections(files.Catalog, line.GetRequiredValue(what)).ToArray();
            if (line.GetValue(json))
                JsonText.Write(terminal, sections.ToDictionary(section => section.Title, section => section.Entries));
            else
                Array.ForEach(sections, section => Write(terminal.Output, section));
        });
        return command;
    }

    private static IEnumerable<Section> Sections(Catalog catalog, string what)
    {
        if (what is "all" or "attacks")
            yield return new("Attacks", "--attack NAME",
                [.. PartName.AttackNames(catalog).Select(name => new Named(name, Attack(catalog, name)))]);
        if (what is "all" or "models")
            yield return new("Models", $"--model NAME: {string.Join(", ", PartName.ModelNames(catalog))}, or a TorchScript file",
                Parts(catalog, typeof(ModelSource)));
        if (what is "all" or "data")
            yield return new("Data", $"--data NAME: {string.Join(", ", PartName.DataNames(catalog))}, or a folder",
                Parts(catalog, typeof(DataSource)));
        if (what is "all" or "parts")
            foreach (var root in catalog.Roots.Where(root => root != typeof(ModelSource) && root != typeof(DataSource)))
                yield return new(Title(root), Catalog.Summary(root) ?? "", Parts(catalog, root));
    }

    /// <summary>Attacks that are expressions over parts, with their summaries.</summary>
    public static IEnumerable<(string Name, string? Summary)> NamedAttacks(Catalog catalog) =>
        catalog.Attacks.Keys.Order(StringComparer.Ordinal).Select(name => (name, (string?)Attack(catalog, name)));

    private static Named[] Parts(Catalog catalog, Type root) => [.. catalog.Parts(root)
        .Select(part => new Named(Catalog.Kind(part), string.Join(" ", [Catalog.Summary(part) ?? "", .. Cited(part)])))];

    /// <summary>The summary of the property of <see cref="Known"/> that holds the attack, or that of the attack's type.</summary>
    private static string Attack(Catalog catalog, string name)
    {
        var attack = catalog.FindAttack(name);
        var known = typeof(Known).GetProperties().FirstOrDefault(property => ReferenceEquals(property.GetValue(null), attack));
        var type = attack?.GetType() ?? catalog.Find(typeof(Attack), name)!;
        return Catalog.Summary((MemberInfo?)known ?? type) ?? name;
    }

    private static IEnumerable<string> Cited(Type part) =>
        (part.GetCustomAttribute<CitesAttribute>()?.Keys ?? []).Select(key => References.Find(key).Text);

    /// <summary>"Label rule" for LabelRule.</summary>
    private static string Title(Type root) => root.Name[0] + string.Concat(root.Name.Skip(1)
        .Select(letter => char.IsUpper(letter) ? $" {char.ToLowerInvariant(letter)}" : $"{letter}"));

    private static void Write(IAnsiConsole console, Section section)
    {
        console.WriteHeading(section.Title);
        if (section.Subtitle.Length > 0)
            console.WriteIndented(section.Subtitle, new(Color.Grey));
        var names = section.Entries.Count == 0 ? 0 : section.Entries.Max(entry => entry.Name.Length);
        var grid = new Grid { Width = Math.Min(console.Profile.Width, 120) };
        grid.AddColumn(new GridColumn { Width = names, Padding = new(2, 0, 2, 0), NoWrap = true });
        grid.AddColumn(new GridColumn { Padding = new(0) });
        foreach (var (name, summary) in section.Entries)
            grid.AddRow(new Text(name, new(Color.Teal)), new Text(summary));
        console.Write(grid);
        console.WriteLine();
    }
}
