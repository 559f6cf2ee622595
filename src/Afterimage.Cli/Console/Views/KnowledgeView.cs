using System.Globalization;
using Afterimage.Reports;
using Spectre.Console;

namespace Afterimage.Cli.Console;

/// <summary>What each piece of knowledge adds to an attacker, in dB.</summary>
internal static class KnowledgeView
{
    /// <summary>Images from which a signed-rank test can tell anything from chance at one in twenty.</summary>
    private const int Fewest = 6;

    public static void Write(Terminal terminal, AuditReport report)
    {
        var pairs = report.Pairs.Where(pair => pair.Axis == "threat").ToArray();
        var table = new Table { Border = TableBorder.Simple, BorderStyle = new(Color.Grey) };
        table.Title = new("What each piece of knowledge adds");
        foreach (var (title, words) in ((string, bool)[])[("changed", true), ("images", false), ("median dB", false), ("quartiles", false),
            ("p, signed rank", false)])
            table.AddColumn(words ? Layout.Words(title) : Layout.Numbers(title));
        foreach (var pair in pairs)
            table.AddRow(Words(pair.Right), Figures.Count(pair.Images), Signed(pair.Median), $"{Signed(pair.Low)} to {Signed(pair.High)}",
                Figures.Short(pair.SignedRank));
        terminal.Output.Write(table);
        if (pairs.Length == 0)
            terminal.Raw.WriteLine("No two cases brought back the same images, so nothing can be compared: look at the cases above.");
        else if (pairs.Any(pair => pair.Images < Fewest))
            terminal.Raw.WriteLine("With fewer than six images no difference can be told from chance: add --trials or --batch.");
    }

    /// <summary>"labels given" for "revealLabels true".</summary>
    private static string Words(string change)
    {
        var (name, value) = change.Split(' ') is [var first, var second] ? (first, second) : (change, "");
        var words = string.Concat(name.Replace("reveal", "", StringComparison.Ordinal)
            .Select((letter, place) => char.IsUpper(letter) ? (place == 0 ? "" : " ") + char.ToLowerInvariant(letter) : letter.ToString()));
        return value switch
        {
            "true" => $"{words} given",
            "false" => $"{words} withheld",
            _ => change,
        };
    }

    private static string Signed(double value) => value.ToString("+0.0;-0.0;0.0", CultureInfo.InvariantCulture);
}
