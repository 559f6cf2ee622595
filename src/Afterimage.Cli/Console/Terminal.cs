using Spectre.Console;

namespace Afterimage.Cli.Console;

/// <summary>Where the command writes.</summary>
/// <param name="Output">For results.</param>
/// <param name="Error">For one sentence when something is wrong.</param>
/// <param name="Live">Whether output may be redrawn; otherwise plain lines are written.</param>
public sealed record Terminal(IAnsiConsole Output, TextWriter Error, bool Live)
{
    /// <summary>The console of the process; plain where output is redirected or NO_COLOR, CI or TERM=dumb is set.</summary>
    public static Terminal OfProcess()
    {
        var plain = System.Console.IsOutputRedirected || IsSet("NO_COLOR") || IsSet("CI")
            || Environment.GetEnvironmentVariable("TERM") is "dumb";
        var console = AnsiConsole.Create(new()
        {
            Ansi = plain ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = plain ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = plain ? InteractionSupport.No : InteractionSupport.Detect,
        });
        return new(console, System.Console.Error, !plain && console.Profile.Capabilities.Ansi);
    }

    /// <summary>A terminal that writes to text writers, without color.</summary>
    /// <param name="output">For results.</param>
    /// <param name="error">For one sentence when something is wrong.</param>
    /// <param name="width">Columns after which lines are wrapped.</param>
    public static Terminal Plain(TextWriter output, TextWriter error, int width = 80)
    {
        var console = AnsiConsole.Create(new()
        {
            Ansi = AnsiSupport.No,
            ColorSystem = ColorSystemSupport.NoColors,
            Interactive = InteractionSupport.No,
            Out = new AnsiConsoleOutput(output),
        });
        console.Profile.Width = width;
        return new(console, error, Live: false);
    }

    /// <summary>The writer behind <see cref="Output"/>, for text that must not be wrapped: paths, JSON.</summary>
    public TextWriter Raw => Output.Profile.Out.Writer;

    private static bool IsSet(string variable) => Environment.GetEnvironmentVariable(variable) is not (null or "" or "0" or "false");
}
