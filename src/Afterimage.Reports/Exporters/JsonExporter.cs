namespace Afterimage.Reports.Exporters;

/// <summary>Writes and reads report.json.</summary>
public static class JsonExporter
{
    /// <summary>Name of the file.</summary>
    public const string FileName = "report.json";

    /// <summary>Writes the file into a folder and returns its path.</summary>
    public static string Export(AuditReport report, string folder)
    {
        var path = Path.Combine(folder, FileName);
        File.WriteAllText(path, ReportJson.Write(report));
        return path;
    }

    /// <summary>Reads the report.json of a report folder.</summary>
    /// <exception cref="ReportException">There is none, or it is not a report of this version.</exception>
    public static AuditReport Import(string folder)
    {
        var path = Path.Combine(folder, FileName);
        return File.Exists(path)
            ? ReportJson.Read(File.ReadAllText(path), path)
            : throw new ReportException($"{folder} has no {FileName}: name the folder that an audit wrote.");
    }
}
