using Afterimage.Reports.Html;

namespace Afterimage.Reports.Exporters;

/// <summary>Writes report.html: one page with its pictures inside, no script, nothing loaded from elsewhere.</summary>
public static class HtmlExporter
{
    public const string FileName = "report.html";

    /// <returns>The path of the file.</returns>
    public static string Export(AuditReport report, string folder)
    {
        var path = Path.Combine(folder, FileName);
        File.WriteAllText(path, Write(report, folder));
        return path;
    }

    /// <param name="folder">Where the PNG files are that the report names.</param>
    /// <exception cref="ReportException">A picture is missing, lies outside the folder or is not a PNG.</exception>
    public static string Write(AuditReport report, string folder) => Page.Write(report, new Pictures(folder));
}
