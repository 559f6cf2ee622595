using System.Text.Json;
using Afterimage.Reports;

namespace Afterimage.Server.Work;

/// <summary>The folder of a run that the page starts: its experiment, whether it waits, and why it failed.</summary>
/// <param name="Path">The folder.</param>
internal sealed record RunFolder(string Path)
{
    private string Mark => System.IO.Path.Combine(Path, "queued");

    /// <summary>The file with the experiment.</summary>
    public string Experiment => System.IO.Path.Combine(Path, "experiment.json");

    /// <summary>What its experiment is called; the name of the folder where nothing says it.</summary>
    public string Title
    {
        get
        {
            try
            {
                using var json = JsonDocument.Parse(File.ReadAllText(Experiment));
                return json.RootElement.TryGetProperty("title", out var title) ? title.GetString() ?? Name : Name;
            }
            catch (Exception fault) when (fault is IOException or JsonException or InvalidOperationException)
            {
                return Name;
            }
        }
    }

    private string Name => System.IO.Path.GetFileName(Path);

    /// <summary>Whether there is something to resume.</summary>
    public bool Began => File.Exists(System.IO.Path.Combine(Path, Journal.FileName));

    /// <summary>Whether the run waits or runs; a server that starts again goes on with it.</summary>
    public bool IsQueued => File.Exists(Mark);

    /// <summary>Why it failed; null where it did not.</summary>
    public string? Failure
    {
        get
        {
            try
            {
                return File.Exists(FailureFile) ? File.ReadAllText(FailureFile) : null;
            }
            catch (IOException)
            {
                return null;
            }
        }
    }

    private string FailureFile => System.IO.Path.Combine(Path, "failure.txt");

    /// <summary>Makes the folder, with a run that waits.</summary>
    public void Create(string experiment)
    {
        Directory.CreateDirectory(Path);
        File.WriteAllText(Experiment, experiment);
        File.WriteAllText(Mark, "");
    }

    /// <summary>The run has ended, well or not.</summary>
    public void End(string? failure)
    {
        if (failure is null)
            File.Delete(FailureFile);
        else
            File.WriteAllText(FailureFile, failure);
        File.Delete(Mark);
    }
}
