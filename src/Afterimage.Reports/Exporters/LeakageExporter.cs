using Afterimage.Reports.Html;

namespace Afterimage.Reports.Exporters;

/// <summary>Writes leakage.json and leakage.html, one page that contains its pictures, runs no script and loads nothing.</summary>
public static class LeakageExporter
{
    /// <summary>Name of the data file.</summary>
    public const string JsonName = "leakage.json";

    /// <summary>Name of the page.</summary>
    public const string HtmlName = "leakage.html";

    /// <summary>Writes both files into the folder of the report and returns the path of the page.</summary>
    /// <exception cref="ReportException">A picture is missing, lies outside the folder or is not a PNG.</exception>
    public static string Export(LeakageReport report, string folder)
    {
        File.WriteAllText(Path.Combine(folder, JsonName), ReportJson.Write(report));
        var path = Path.Combine(folder, HtmlName);
        File.WriteAllText(path, Write(report, folder));
        return path;
    }

    /// <summary>The page.</summary>
    /// <param name="report">The report.</param>
    /// <param name="folder">The folder of the PNG files that the report names.</param>
    public static string Write(LeakageReport report, string folder) => LeakagePage.Write(report, new Pictures(folder));
}
