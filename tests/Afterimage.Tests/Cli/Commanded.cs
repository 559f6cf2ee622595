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

    /// <summary>An audit that takes no time: one small image, few steps.</summary>
    public static Commanded QuickAudit(string folder, params string[] more) =>
        Run(["audit", "--attack", "matching", "--iterations", "3", "--restarts", "1",
            "--set", "/client/data/shape=1x16x16", "--out", folder, .. more]);
}
