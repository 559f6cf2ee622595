using System.Text;
using System.Text.RegularExpressions;

namespace Afterimage.Tests.Fuzzing;

/// <summary>What people and programs do to JSON and code: values of the wrong kind, huge numbers, nesting, lines gone or twice.</summary>
internal static partial class TextDamage
{
    private static readonly string[] Values =
    [
        "null", "true", "-1", "0", "1", "3.5", "1e308", "1e999", "-1e-320", "NaN", "Infinity", "2147483648", "9223372036854775808",
        "99999999999999999999999999", "\"\"", "\"x\"", "\"\\u0000\"", "[]", "{}", "[1,2", "{\"a\":1,\"a\":2}", "[null]", "'x'", "1_000",
    ];

    public static byte[] OfBytes(byte[] bytes, Random random) => Encoding.UTF8.GetBytes(Of(Encoding.UTF8.GetString(bytes), random));

    public static string Of(string text, Random random)
    {
        var tokens = Tokens().Matches(text);
        if (tokens.Count == 0)
            return Values[random.Next(Values.Length)];
        // Mostly values and names, so that much of the syntax stays whole.
        var words = tokens.Where(match => random.Next(4) == 0
            || match.Value[0] is '"' or '-' || char.IsLetterOrDigit(match.Value[0])).ToList();
        var token = words.Count > 0 ? words[random.Next(words.Count)] : tokens[0];
        var other = tokens[random.Next(tokens.Count)];
        string Replaced(string by) => text[..token.Index] + by + text[(token.Index + token.Length)..];
        switch (random.Next(8))
        {
            case 0:
                return Replaced("");
            case 1:
                return Replaced(token.Value + " " + token.Value);
            case 2:
                return Replaced(other.Value);
            case 3:
                var depth = random.Next(2) == 0 ? random.Next(2, 100) : 20_000;
                return Replaced(new string('[', depth) + (random.Next(2) == 0 ? new string(']', depth) : ""));
            case 4:
                var lines = text.Split('\n').ToList();
                lines.RemoveAt(random.Next(lines.Count));
                return string.Join('\n', lines);
            case 5:
                var twice = text.Split('\n').ToList();
                var line = random.Next(twice.Count);
                twice.Insert(line, twice[line]);
                return string.Join('\n', twice);
            default:
                return Replaced(Values[random.Next(Values.Length)]);
        }
    }

    [GeneratedRegex("""
        "[^"\n]*"|-?\d[\d.eE+-]*|\w+|[^\s\w]
        """, RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Tokens();
}
