using Afterimage.Reports.Html;

namespace Afterimage.Reports.Exporters;

/// <summary>Writes leakage.json and leakage.html: one page with its pictures inside, no script, nothing loaded from elsewhere.</summary>
public static class LeakageExporter
{
    public const string JsonName = "leakage.json", HtmlName = "leakage.html";

    /// <returns>The path of the page.</returns>
    public static string Export(LeakageReport report, string folder)
    {
        File.WriteAllText(Path.Combine(folder, JsonName), ReportJson.Write(report));
        var path = Path.Combine(folder, HtmlName);
        File.WriteAllText(path, Write(report, folder));
        return path;
    }

    /// <param name="folder">Where the PNG files are that the report names.</param>
    public static string Write(LeakageReport report, string folder) => LeakagePage.Write(report, new Pictures(folder));
}
