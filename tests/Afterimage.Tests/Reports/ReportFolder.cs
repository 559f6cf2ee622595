namespace Afterimage.Tests.Reports;

/// <summary>A folder that lives as long as a test.</summary>
internal sealed class ReportFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("afterimage-reports-").FullName;

    public SampleReports Samples => new(Path, SampleReports.Procedural);

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
