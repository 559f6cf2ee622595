using System.CommandLine;
using System.CommandLine.Parsing;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Afterimage.Cli.Help;

/// <summary>What is wrong with a command line, in words of the command and not of its parser.</summary>
internal static partial class ParseFault
{
    /// <returns>A sentence without its full stop; null where nothing is wrong.</returns>
    public static string? Of(ParseResult line) => line.Errors switch
    {
        _ when UnknownOption(line) is { } option => $"There is no option {option}",
        [] => null,
        _ when line.CommandResult.Command.Subcommands.Count > 0 =>
            line.UnmatchedTokens is [var word, ..] ? $"There is no command \"{word}\"" : "A command is missing",
        [var error, ..] => Conversion(error) ?? Choice(error) ?? error.Message.Trim().TrimEnd('.'),
    };

    /// <summary>The parser takes an option that does not exist for a positional argument, so its own message would mislead.</summary>
    private static string? UnknownOption(ParseResult line)
    {
        var arguments = line.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens);
        return line.UnmatchedTokens.Concat(arguments.Select(token => token.Value)).FirstOrDefault(word => OptionWord().IsMatch(word));
    }

    /// <summary>The parser names the type of .NET into which it cannot convert a value.</summary>
    private static string? Conversion(ParseError error)
    {
        if (Unconverted().Match(error.Message) is not { Success: true } match)
            return null;
        var option = Ancestors(error.SymbolResult).OfType<OptionResult>().FirstOrDefault()?.Option;
        var type = option is null ? null : Nullable.GetUnderlyingType(option.ValueType) ?? option.ValueType;
        var wanted = type switch
        {
            { IsEnum: true } => $"one of {string.Join(", ", Enum.GetNames(type).Select(JsonNamingPolicy.KebabCaseLower.ConvertName))}",
            _ when type == typeof(bool) => "true or false",
            _ when type == typeof(double) => "a number",
            _ when type == typeof(int) => $"a whole number up to {int.MaxValue}",
            _ => "a whole number of at least 0",
        };
        return $"{option?.Name ?? match.Groups[2].Value} needs {wanted}, not \"{match.Groups[1].Value}\"";
    }

    private static string? Choice(ParseError error)
    {
        if (Unlisted().Match(error.Message) is not { Success: true } match)
            return null;
        var choices = Quoted().Matches(match.Groups[2].Value).Select(word => word.Groups[1].Value);
        return $"\"{match.Groups[1].Value}\" is none of {string.Join(", ", choices)}";
    }

    private static IEnumerable<SymbolResult> Ancestors(SymbolResult? symbol)
    {
        for (; symbol is not null; symbol = symbol.Parent)
            yield return symbol;
    }

    [GeneratedRegex("^-(-.|[A-Za-z])")]
    private static partial Regex OptionWord();

    [GeneratedRegex("^Cannot parse argument '(.*)' for (?:option|command) '(.*)' as expected type", RegexOptions.Singleline)]
    private static partial Regex Unconverted();

    [GeneratedRegex("^Argument '(.*?)' not recognized. Must be one of:(.*)$", RegexOptions.Singleline)]
    private static partial Regex Unlisted();

    [GeneratedRegex("'(.*?)'")]
    private static partial Regex Quoted();
}
