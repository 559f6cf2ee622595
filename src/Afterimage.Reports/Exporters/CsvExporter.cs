using System.Globalization;
using System.Text;

namespace Afterimage.Reports.Exporters;

/// <summary>Writes report.csv (RFC 4180): one row for each image, and one for each case that has no image.</summary>
public static class CsvExporter
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "report.csv";

    /// <summary>Writes the file into a folder and returns its path.</summary>
    public static string Export(AuditReport report, string folder)
    {
        var path = Path.Combine(folder, FileName);
        File.WriteAllText(path, Write(report));
        return path;
    }

    /// <summary>The content of the file.</summary>
    public static string Write(AuditReport report)
    {
        var columns = ResultTable.Of(report);
        var table = new StringBuilder();
        WriteRow(table, columns.Select(column => column.Name));
        for (var row = 0; row < columns[0].Values.Length; row++)
            WriteRow(table, columns.Select(column => Cell(column.Values[row])));
        return table.ToString();
    }

    private static string Cell(object? value) => value is IFormattable number
        ? number.ToString(null, CultureInfo.InvariantCulture) : Text(value as string);

    /// <summary>An apostrophe before text that begins like a formula, which a spreadsheet would otherwise execute.</summary>
    internal static string Text(string? text) =>
        text is { Length: > 0 } && "=+-@\t\r".Contains(text[0]) && !double.TryParse(text, CultureInfo.InvariantCulture, out _)
            ? "'" + text
            : text ?? "";

    internal static void WriteRow(StringBuilder table, IEnumerable<string> cells) =>
        table.AppendJoin(',', cells.Select(cell => cell.AsSpan().IndexOfAny("\",\r\n") < 0 ? cell : $"\"{cell.Replace("\"", "\"\"")}\""))
            .Append("\r\n");
}
