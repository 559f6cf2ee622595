using System.Text.Json;
using System.Text.RegularExpressions;

namespace Afterimage;

/// <summary>What is wrong with a JSON text, in words for somebody who wrote it: no types of .NET, one sentence, choices listed.</summary>
internal static partial class JsonFault
{
    /// <summary>The end of a sentence, without its period.</summary>
    public static string Words(Exception error)
    {
        var said = Places().Replace(error.Message, "").Trim().TrimEnd('.');
        return Conversion().Match(said) is { Success: true } conversion
                ? $"the value is not {Wanted(conversion.Groups[1].Value)}"
            : Unknown().Match(said) is { Success: true } unknown ? $"nothing there is called \"{unknown.Groups[1].Value}\""
            : Missing().Match(said) is { Success: true } missing ? $"what is required there is missing: {missing.Groups[1].Value}"
            : Null().Match(said) is { Success: true } empty ? $"\"{empty.Groups[1].Value}\" cannot be null"
            : said.Contains("Afterimage.", StringComparison.Ordinal) || said.Contains("System.", StringComparison.Ordinal)
                ? "the value is of another kind than what is needed there"
            : said.Replace(". ", "; ", StringComparison.Ordinal).ReplaceLineEndings(" ");
    }

    private static string Wanted(string type)
    {
        var name = Nullables().Match(type) is { Success: true } nullable ? nullable.Groups[1].Value : type;
        if (name.EndsWith("[]", StringComparison.Ordinal) || name.Contains("List`", StringComparison.Ordinal))
            return "a list of the right kind";
        var found = Type.GetType(name) ?? AppDomain.CurrentDomain.GetAssemblies().Select(assembly => assembly.GetType(name))
            .FirstOrDefault(match => match is not null);
        return found is { IsEnum: true }
                ? $"one of {string.Join(", ", Enum.GetNames(found).Select(JsonNamingPolicy.KebabCaseLower.ConvertName))}"
            : found == typeof(int) ? $"a whole number from {int.MinValue} to {int.MaxValue}"
            : found == typeof(long) || found == typeof(ulong) || found == typeof(uint) ? "a whole number"
            : found == typeof(double) || found == typeof(float) ? "a number"
            : found == typeof(bool) ? "true or false"
            : found == typeof(string) ? "a text in quotation marks"
            : found == typeof(ImageShape) ? "the shape of an image, such as \"3x32x32\""
            : "an object of the right kind";
    }

    [GeneratedRegex(@" *(Path: \$\S*( \| )?|LineNumber: \d+( \| )?|BytePositionInLine: \d+\.?)")]
    private static partial Regex Places();

    [GeneratedRegex(@"could not be converted to ([^ ]+?)\.?$")]
    private static partial Regex Conversion();

    [GeneratedRegex(@"property '([^']*)' could not be mapped")]
    private static partial Regex Unknown();

    [GeneratedRegex(@"missing required properties,? including:? (.+)$")]
    private static partial Regex Missing();

    [GeneratedRegex(@"(?:property or field|parameter) '([^']*)' on type .* null")]
    private static partial Regex Null();

    [GeneratedRegex(@"^System\.Nullable`1\[(?:\[)?([^,\]]+)")]
    private static partial Regex Nullables();
}
