using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Afterimage.Cli.Console;
using Afterimage.Data;
using Afterimage.Numerics;
using Spectre.Console;
using TorchSharp;

namespace Afterimage.Cli.Commands;

/// <summary>Says what is installed on this machine, what is missing, and how to get it.</summary>
internal static class DoctorCommand
{
    public const string HowToGetCuda = "No CUDA device is usable here: " +
        "build with -p:Torch=cuda-12.8 on a machine with an NVIDIA driver, then say --device cuda.";

    private enum State { Fine, Optional, Broken }

    private sealed record Finding(State State, string Topic, string Text);

    public static Command Create(Terminal terminal)
    {
        var json = JsonText.Option("the findings");
        var command = new Command("doctor", "Say what this machine has, what is missing and how to get it.") { json };
        command.SetAction(line =>
        {
            var findings = Examine().ToArray();
            if (line.GetValue(json))
                JsonText.Write(terminal, findings);
            else
                Write(terminal.Output, findings);
            return findings.Any(finding => finding.State == State.Broken) ? ExitCode.BadInput : ExitCode.Fine;
        });
        return command;
    }

    private static IEnumerable<Finding> Examine()
    {
        yield return new(State.Fine, "afterimage", AfterimageApp.Version);
        yield return new(State.Fine, "system", $"{RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}");
        yield return new(State.Fine, "processor", $"{Processor()}, {Figures.Plural(Environment.ProcessorCount, "core")}");
        yield return new(State.Fine, "memory", $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1L << 30)} GiB");
        yield return Sdk();
        var native = Native();
        yield return native;
        if (native.State != State.Broken)
            yield return torch.cuda_is_available()
                ? new(State.Fine, "device", $"cpu, and {Figures.Plural(torch.cuda.device_count(), "CUDA device")}: say --device cuda")
                : new(State.Optional, "device", $"cpu. {HowToGetCuda}");
        foreach (var entry in DataCatalog.Entries)
            yield return DataCommand.Folder(entry) is { } folder
                ? new(State.Fine, entry.Name, folder)
                : new(State.Optional, entry.Name, $"not here: afterimage data get {entry.Name}");
        yield return new(State.Fine, "data folders",
            $"{string.Join(", ", DataFolders.Standard().Roots)} (set {DataFolders.Variable} to choose another)");
    }

    private static Finding Sdk()
    {
        var runtime = RuntimeInformation.FrameworkDescription;
        try
        {
            using var process = Process.Start(new ProcessStartInfo("dotnet", "--version")
            {
                RedirectStandardOutput = true, RedirectStandardError = true,
            })!;
            var version = process.StandardOutput.ReadToEnd().Trim();
            process.WaitForExit();
            return process.ExitCode == 0 ? new(State.Fine, ".NET", $"{runtime}, SDK {version}") : NoSdk(runtime);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return NoSdk(runtime);
        }
    }

    private static Finding NoSdk(string runtime) =>
        new(State.Optional, ".NET", $"{runtime}; no SDK 10 on the path, which only building needs: https://dot.net/download");

    private static Finding Native()
    {
        try
        {
            using var scope = torch.NewDisposeScope();
            var product = torch.eye(3).matmul(torch.ones(3, 3)).sum().ToDouble();
            var version = typeof(torch).Assembly.GetName().Version?.ToString(3);
            return product == 9
                ? new(State.Fine, "libtorch", $"TorchSharp {version} loads and multiplies a matrix. " +
                    $"{NativeRuntime.Note} {ConvolutionCheck.Note}".Trim())
                : new(State.Broken, "libtorch", $"TorchSharp {version} multiplies a matrix wrongly ({product} for 9): " +
                    "its native files are damaged; build again from a clean folder.");
        }
        catch (AfterimageException error)
        {
            return new(State.Broken, "libtorch", error.Message);
        }
        catch (Exception error) when (error is TypeInitializationException or NotSupportedException
            or DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            return new(State.Broken, "libtorch", NativeRuntime.Note ?? error.GetBaseException().Message);
        }
    }

    private static string Processor()
    {
        const string Source = "/proc/cpuinfo";
        var lines = File.Exists(Source) ? File.ReadLines(Source) : [];
        var line = lines.FirstOrDefault(text => text.StartsWith("model name", StringComparison.Ordinal));
        return line?.Split(':', 2)[1].Trim() ?? RuntimeInformation.ProcessArchitecture.ToString();
    }

    private static void Write(IAnsiConsole console, IReadOnlyList<Finding> findings)
    {
        var grid = new Grid { Width = Math.Min(console.Profile.Width, 120) };
        grid.AddColumn(new GridColumn { Width = 1, Padding = new(0, 0, 2, 0), NoWrap = true });
        grid.AddColumn(new GridColumn { Width = findings.Max(finding => finding.Topic.Length), Padding = new(0, 0, 2, 0), NoWrap = true });
        grid.AddColumn(new GridColumn { Padding = new(0) });
        foreach (var finding in findings)
            grid.AddRow(Mark(finding.State), new Text(finding.Topic), new Text(finding.Text));
        console.Write(grid);
    }

    private static Text Mark(State state) => state switch
    {
        State.Fine => new("✓", new(Color.Green)),
        State.Optional => new("-", new(Color.Yellow)),
        _ => new("✗", new(Color.Red)),
    };
}
