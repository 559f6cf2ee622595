using System.Text;
using Afterimage.Audit.Cases;

namespace Afterimage.Cli.Commands;

/// <summary>The roots of a catalog and their leaves as Markdown, a section for each; docs/concepts.md holds them.</summary>
internal static class LeafTables
{
    /// <summary>The title of a root's section and its table, root by root.</summary>
    public static IEnumerable<(string Title, string Table)> Of(Catalog catalog)
    {
        foreach (var root in catalog.Roots)
            yield return ($"## {root.Name}", Table(catalog.Parts(root).Select(part => (Catalog.Kind(part), Catalog.Summary(part)))));
        yield return ("## Named attacks", Table(ListCommand.NamedAttacks(catalog)));
    }

    /// <summary>All sections.</summary>
    public static string Write(ExperimentFile files) =>
        string.Join('\n', Of(files.Catalog).Select(section => $"{section.Title}\n\n{section.Table}"));

    private static string Table(IEnumerable<(string Name, string? Summary)> leaves)
    {
        var table = new StringBuilder("| name | what it is |\n|---|---|\n");
        foreach (var (name, summary) in leaves)
            table.Append(System.Globalization.CultureInfo.InvariantCulture, $"| `{name}` | {summary?.Replace("|", "\\|")} |\n");
        return table.ToString();
    }
}
