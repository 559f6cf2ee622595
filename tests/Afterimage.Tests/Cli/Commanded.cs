using System.Diagnostics;
using Afterimage.Cli;
using Afterimage.Cli.Console;

namespace Afterimage.Tests.Cli;

/// <summary>What a command line printed, and its exit code.</summary>
internal sealed record Commanded(int Code, string Output, string Error)
{
    public static Commanded Run(params string[] args) => Run(null, args);

    public static Commanded Run(Catalog? catalog, params string[] args)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var code = AfterimageApp.Run(args, catalog, Terminal.Plain(output, error));
        return new(code, output.ToString(), error.ToString());
    }

    /// <summary>The same in a process of its own.</summary>
    public static Commanded InProcess(params string[] line)
    {
        using var process = Start(line);
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new(process.ExitCode, output, error.Result);
    }

    /// <summary>A process that has just begun.</summary>
    public static Process Start(params string[] line) =>
        Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Afterimage.Cli.dll"), .. line])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        })!;

    /// <summary>An audit that takes no time: one small image, few steps.</summary>
    public static Commanded QuickAudit(string folder, params string[] more) =>
        Run(["audit", "--attack", "matching", "--iterations", "3", "--restarts", "1",
            "--set", "/client/data/shape=1x16x16", "--out", folder, .. more]);
}
