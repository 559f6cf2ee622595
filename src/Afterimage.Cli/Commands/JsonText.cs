using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Afterimage.Cli.Console;

namespace Afterimage.Cli.Commands;

/// <summary>Results for programs: JSON on the standard output, and everything else on the error stream.</summary>
internal static class JsonText
{
    private static readonly JsonSerializerOptions Settings = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
        NewLine = "\n",
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public static Option<bool> Option(string what) =>
        new("--json") { Description = $"Print {what} as JSON; progress goes to the error stream." };

    /// <summary>A terminal for what is no result.</summary>
    public static Terminal Aside(Terminal terminal) => Terminal.Plain(terminal.Error, terminal.Error);

    public static void Write<T>(Terminal terminal, T result) => terminal.Raw.WriteLine(JsonSerializer.Serialize(result, Settings));
}
