using System.Diagnostics;
using Afterimage.Audit.Cases;
using Afterimage.Cli.Console;

namespace Afterimage.Tests.Cli;

public class CheckWatchTests
{
    [Fact]
    public void A_check_that_lasts_says_how_far_it_is()
    {
        var files = new ExperimentFile(Catalog.Standard);
        var said = new StringWriter();
        var watch = new CheckWatch(TextWriter.Synchronized(said), TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(20));
        Assert.Empty(watch.Faults(files, files.Parse(Seeds(400), "test")));
        Assert.Matches("checks the experiment: reads the cases, [0-9]+ of 400 cases", said.ToString());
    }

    [Fact]
    public void A_short_check_says_nothing()
    {
        var files = new ExperimentFile(Catalog.Standard);
        var said = new StringWriter();
        Assert.Empty(CheckWatch.Faults(files, files.Parse(Seeds(2), "test"), said));
        Assert.Empty(said.ToString());
    }

    [Fact]
    [Trait("Category", "slow")]
    public void A_check_of_a_large_sweep_shows_progress_and_ends_at_once_on_interruption()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Signals are sent by kill.");
        using var folder = new TemporaryFolder();
        folder.Write("large.json", Seeds(100_000));
        // A test run in the background ignores the signal, and its children would inherit that.
        using var process = Process.Start(new ProcessStartInfo("env",
            ["--default-signal=INT", "dotnet", Path.Combine(AppContext.BaseDirectory, "Afterimage.Cli.dll"), "check", folder["large.json"]])
        {
            RedirectStandardError = true,
        })!;
        Assert.Matches("checks the experiment: reads the cases, .* of 100,000 cases", process.StandardError.ReadLine());
        Process.Start("kill", ["-INT", $"{process.Id}"]).WaitForExit();
        Assert.True(process.WaitForExit(1000));
        Assert.NotEqual(0, process.ExitCode);
    }

    private static string Seeds(int count) => $$"""
        { "client": { "kind": "simulated-client", "data": { "kind": "dead-leaves", "shape": "1x8x8", "count": 30 } }, "model": "mlp",
          "vary": [{ "pointer": "/seed", "values": [{{string.Join(", ", Enumerable.Range(0, count))}}] }] }
        """;
}
