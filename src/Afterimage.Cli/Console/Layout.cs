using Spectre.Console;

namespace Afterimage.Cli.Console;

/// <summary>Headings, remarks and tables as all commands write them.</summary>
internal static class Layout
{
    /// <summary>Writes a bold line.</summary>
    public static void WriteHeading(this IAnsiConsole console, string text) => WriteStyled(console, text, new(decoration: Decoration.Bold));

    /// <summary>Writes a gray line.</summary>
    public static void WriteRemark(this IAnsiConsole console, string text) => WriteStyled(console, text, new(Color.Grey));

    /// <summary>Writes indented text.</summary>
    public static void WriteIndented(this IAnsiConsole console, string text, Style? style = null) =>
        console.Write(new Padder(new Text(text, style), new(2, 0, 0, 0)));

    /// <summary>Writes text beside a mark of one column.</summary>
    public static void WriteBullet(this IAnsiConsole console, string mark, string text, int width)
    {
        var grid = new Grid { Width = width };
        grid.AddColumn(new GridColumn { Width = 1, Padding = new(0, 0, 1, 0), NoWrap = true });
        grid.AddColumn(new GridColumn { Width = width - 2, Padding = new(0) });
        grid.AddRow(new Markup(mark), new Text(text));
        console.Write(grid);
    }

    /// <summary>A table of one column of words and columns of numbers.</summary>
    public static Table Table(string words, params IEnumerable<string> numbers)
    {
        var table = new Table { Border = TableBorder.Simple, BorderStyle = new(Color.Grey) }.AddColumn(Words(words));
        foreach (var title in numbers)
            table.AddColumn(Numbers(title));
        return table;
    }

    /// <summary>A column that is aligned to the left.</summary>
    public static TableColumn Words(string title) => new(new Text(title, new(Color.Grey))) { Padding = new(1, 0, 0, 0) };

    /// <summary>A column that is aligned to the right.</summary>
    public static TableColumn Numbers(string title)
    {
        var column = Words(title);
        (column.Alignment, column.NoWrap) = (Justify.Right, true);
        return column;
    }

    private static void WriteStyled(IAnsiConsole console, string text, Style style)
    {
        console.Write(new Text(text, style));
        console.WriteLine();
    }
}
