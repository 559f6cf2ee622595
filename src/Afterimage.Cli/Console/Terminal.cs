using Spectre.Console;

namespace Afterimage.Cli.Console;

/// <summary>Where the command writes.</summary>
/// <param name="Output">Results.</param>
/// <param name="Error">One sentence when something is wrong.</param>
/// <param name="Live">Whether output may be redrawn: false writes plain lines.</param>
public sealed record Terminal(IAnsiConsole Output, TextWriter Error, bool Live)
{
    /// <summary>The process's own console; plain where output is redirected, or NO_COLOR, CI or TERM=dumb asks for it.</summary>
    public static Terminal OfProcess()
    {
        var plain = System.Console.IsOutputRedirected || IsSet("NO_COLOR") || IsSet("CI") || Environment.GetEnvironmentVariable("TERM") is "dumb";
        var console = AnsiConsole.Create(new()
        {
            Ansi = plain ? AnsiSupport.No : AnsiSupport.Detect,
            ColorSystem = plain ? ColorSystemSupport.NoColors : ColorSystemSupport.Detect,
            Interactive = plain ? InteractionSupport.No : InteractionSupport.Detect,
        });
        return new(console, System.Console.Error, !plain && console.Profile.Capabilities.Ansi);
    }

    /// <summary>Writes to any text writer, without color, at a fixed width.</summary>
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

    private static bool IsSet(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value && value != "0" && value != "false";
}
