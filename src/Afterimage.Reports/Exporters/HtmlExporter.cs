using Afterimage.Reports.Html;

namespace Afterimage.Reports.Exporters;

/// <summary>Writes report.html, one page that contains its pictures, runs no script and loads nothing.</summary>
public static class HtmlExporter
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "report.html";

    /// <summary>The source in a content security policy that allows the page's style sheet and no other: "sha256-...".</summary>
    public static string StyleHash => Page.StyleHash;

    /// <summary>Writes the page into the folder of the report and returns its path.</summary>
    /// <exception cref="ReportException">A picture is missing, lies outside the folder or is not a PNG.</exception>
    public static string Export(AuditReport report, string folder)
    {
        var path = Path.Combine(folder, FileName);
        File.WriteAllText(path, Write(report, folder));
        return path;
    }

    /// <summary>The page.</summary>
    /// <param name="report">The report.</param>
    /// <param name="folder">The folder of the PNG files that the report names.</param>
    /// <exception cref="ReportException">A picture is missing, lies outside the folder or is not a PNG.</exception>
    public static string Write(AuditReport report, string folder) => Page.Write(report, new Pictures(folder));
}
