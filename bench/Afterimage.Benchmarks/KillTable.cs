using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Afterimage.Attacks;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Execution;
using Afterimage.Audit.Measurements;
using Afterimage.Data;
using Afterimage.Models;
using Afterimage.Reports;
using Afterimage.Solvers;
using Afterimage.Tests;

namespace Afterimage.Benchmarks;

/// <summary>A sweep that is killed at a random moment and resumed must end in the results of one that nothing disturbed.</summary>
internal static class KillTable
{
    public const string Command = "kill-worker";

    // Times, and how the operator was chosen by them, differ from run to run.
    private static readonly HashSet<string> Timed = ["cost", "seconds", "cpuSeconds", "operator", "at"];

    private static readonly Experiment Sweep = new()
    {
        Title = "Killed",
        Client = new SimulatedClient { Data = new DeadLeaves { Shape = new(3, 16, 16), Count = 60 } },
        Model = new LeNet(),
        Attack = Known.Matching with { Solver = new Lbfgs { Iterations = 150 }, Restarts = 1 },
        Trials = 3,
        Vary = [new("/client/batchSize", [JsonValue.Create(1), JsonValue.Create(2)])],
    };

    /// <returns>0 where every resumed sweep equals the undisturbed one.</returns>
    public static int Print(TextWriter output, int kills, int seed)
    {
        using var undisturbed = new TemporaryFolder();
        var clock = Stopwatch.StartNew();
        Start(undisturbed.Path).WaitForExit();
        var whole = clock.Elapsed.TotalSeconds;
        var expected = Numbers(undisturbed.Path);
        var random = new Random(seed);
        var (different, kept) = (0, 0);
        for (var kill = 0; kill < kills; kill++)
        {
            using var folder = new TemporaryFolder();
            using (var child = Start(folder.Path))
            {
                if (!child.WaitForExit(TimeSpan.FromSeconds(random.NextDouble() * whole)))
                    child.Kill(entireProcessTree: true);
                child.WaitForExit();
            }
            kept += File.Exists(Path.Combine(folder.Path, Journal.FileName)) ? Finished(folder.Path) : 0;
            using (var child = Start(folder.Path))
                child.WaitForExit();
            if (Numbers(folder.Path) is var found && found != expected)
            {
                different++;
                output.WriteLine($"kill {kill}: the resumed sweep differs");
            }
        }
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{kills} kills of a sweep of {whole:0.0} s: {kills - different} " +
            $"resumed sweeps equal the undisturbed one, {different} do not; {(double)kept / kills:0.0} of 6 cases were kept on average"));
        return different == 0 ? 0 : 1;
    }

    /// <summary>The worker's end: the sweep in a folder, resumed where it was begun.</summary>
    public static void Obey(string folder)
    {
        TorchSharp.torch.set_num_threads(1);
        var options = new RunOptions { Folder = folder, Resume = File.Exists(Path.Combine(folder, Journal.FileName)) };
        var run = ExperimentRun.Start(new ExperimentFile(Catalog.Standard), Sweep, new AttackAndJudge { Leakage = LeakageChoice.On },
            options, CancellationToken.None);
        while (run.Events.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
            while (run.Events.TryRead(out _))
            {
            }
        run.Report.GetAwaiter().GetResult();
    }

    private static Process Start(string folder) =>
        Process.Start(ThisProgram.Host, ThisProgram.Arguments(Command, folder));

    private static int Finished(string folder)
    {
        try
        {
            return Journal.Read(folder).OfType<CaseFinished>().Count();
        }
        catch (ReportException)
        {
            return 0;
        }
    }

    private static string Numbers(string folder)
    {
        var cases = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "report.json")))!["cases"]!;
        Strip(cases);
        return cases.ToJsonString();
    }

    private static void Strip(JsonNode? node)
    {
        if (node is JsonObject members)
            foreach (var name in members.Select(pair => pair.Key).ToArray())
                if (Timed.Contains(name))
                    members.Remove(name);
                else
                    Strip(members[name]);
        else if (node is JsonArray items)
            foreach (var item in items)
                Strip(item);
    }
}
