using Afterimage.Reports;
using Afterimage.Reports.Exporters;

namespace Afterimage.Tests.Reports;

[Collection(Apart.Collection)]
public sealed class CsvExporterTests : IDisposable
{
    private readonly ReportFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void One_row_for_each_image_with_the_axes_of_its_case()
    {
        var report = _folder.Samples.Sweep();
        var rows = Parse(File.ReadAllText(CsvExporter.Export(report, _folder.Path)));
        Assert.Equal(1 + report.Cases.Sum(found => found.Images.Length), rows.Count);
        Assert.All(rows, row => Assert.Equal(rows[0].Count, row.Count));
        Assert.Equal("inverting-gradients", Cell(rows, 13, "axis /attack/kind"));
        Assert.Equal("0", Cell(rows, 13, "axis /clients/0/defenses/0/standardDeviation"));
        Assert.Equal("converged", Cell(rows, 13, "outcome"), ignoreCase: true);
        Assert.Equal("recognizable", Cell(rows, 13, "level"));
        Assert.Equal(report.Cases[6].Images[0].Metrics["psnr"],
            double.Parse(Cell(rows, 13, "psnr"), System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal("13.9", Cell(rows, 13, "psnr of best of 100 public images"));
    }

    [Fact]
    public void Commas_quotes_and_line_breaks_stay_inside_their_cell()
    {
        const string name = "a \"quoted\", name\r\nof two lines";
        var report = _folder.Samples.Single();
        report = report with { Cases = [report.Cases[0] with { Name = name }] };
        Assert.Equal(name, Cell(Parse(CsvExporter.Write(report)), 1, "name"));
    }

    [Theory]
    [InlineData("=cmd()", "'=cmd()")]
    [InlineData("@sum", "'@sum")]
    [InlineData("-3.5", "-3.5")]
    [InlineData("cat", "cat")]
    public void Text_cannot_become_a_formula(string label, string cell)
    {
        var report = _folder.Samples.Single();
        var found = report.Cases[0];
        report = report with { Cases = [found with { Images = [found.Images[0] with { RecoveredLabel = label }] }] };
        Assert.Equal(cell, Cell(Parse(CsvExporter.Write(report)), 1, "recoveredLabel"));
    }

    [Fact]
    public void A_case_without_images_keeps_its_row()
    {
        var report = _folder.Samples.Batch();
        report = report with { Cases = [report.Cases[0], report.Cases[0] with { Images = [], Outcome = "Refused", LabelAccuracy = null }] };
        var rows = Parse(CsvExporter.Write(report));
        Assert.Equal(6, rows.Count);
        Assert.Equal("Refused", Cell(rows, 5, "outcome"));
        Assert.Equal("", Cell(rows, 5, "psnr"));
        Assert.Equal("", Cell(rows, 5, "labelAccuracy"));
    }

    private static string Cell(List<List<string>> rows, int row, string column) => rows[row][rows[0].IndexOf(column)];

    /// <summary>A reader of RFC 4180 that knows nothing of the writer.</summary>
    private static List<List<string>> Parse(string csv)
    {
        List<List<string>> rows = [];
        List<string> row = [];
        var cell = new System.Text.StringBuilder();
        var quoted = false;
        for (var at = 0; at < csv.Length; at++)
            switch (csv[at])
            {
                case '"' when quoted && csv[at + 1] == '"':
                    cell.Append(csv[at++]);
                    break;
                case '"':
                    quoted = !quoted;
                    break;
                case ',' when !quoted:
                    row.Add(cell.ToString());
                    cell.Clear();
                    break;
                case '\n' when !quoted:
                    row.Add(cell.ToString().TrimEnd('\r'));
                    cell.Clear();
                    rows.Add(row);
                    row = [];
                    break;
                default:
                    cell.Append(csv[at]);
                    break;
            }
        Assert.Empty(row);
        return rows;
    }
}
