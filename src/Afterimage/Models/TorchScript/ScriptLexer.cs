using System.Globalization;
using System.Text;

namespace Afterimage.Models.TorchScript;

internal enum TokenKind { Name, Number, Text, Symbol, NewLine, Indent, Dedent, End }

internal readonly record struct Token(TokenKind Kind, string Text, object? Value = null);

/// <summary>Tokens of the Python subset in which TorchScript stores its code; lines inside brackets are joined.</summary>
internal static class ScriptLexer
{
    private static readonly string[] Symbols = ["->", "==", "!=", "<=", ">=", "//", "**"];

    public static List<Token> Read(string source)
    {
        var tokens = new List<Token>();
        var indents = new Stack<int>([0]);
        var (at, depth) = (0, 0);
        while (at < source.Length)
        {
            var start = at;
            while (at < source.Length && source[at] == ' ')
                at++;
            if (at < source.Length && source[at] is '\n' or '\r' or '#')
            {
                at = source.IndexOf('\n', at) is var end and >= 0 ? end + 1 : source.Length;
                continue;
            }
            Indent(tokens, indents, at - start);
            while (at < source.Length && (depth > 0 || source[at] != '\n'))
                Next(source, ref at, ref depth, tokens);
            tokens.Add(new(TokenKind.NewLine, "end of line"));
            at++;
        }
        Indent(tokens, indents, 0);
        tokens.Add(new(TokenKind.End, "end of file"));
        return tokens;
    }

    private static void Indent(List<Token> tokens, Stack<int> indents, int width)
    {
        if (width > indents.Peek())
        {
            indents.Push(width);
            tokens.Add(new(TokenKind.Indent, "indent"));
        }
        while (width < indents.Peek())
        {
            indents.Pop();
            tokens.Add(new(TokenKind.Dedent, "dedent"));
        }
    }

    private static void Next(string source, ref int at, ref int depth, List<Token> tokens)
    {
        var first = source[at];
        var start = at;
        if (char.IsWhiteSpace(first))
            at++;
        else if (char.IsLetter(first) || first == '_')
        {
            while (at < source.Length && (char.IsLetterOrDigit(source[at]) || source[at] == '_'))
                at++;
            tokens.Add(new(TokenKind.Name, source[start..at]));
        }
        else if (char.IsDigit(first))
            tokens.Add(Number(source, ref at));
        else if (first is '"' or '\'')
            tokens.Add(Text(source, ref at));
        else
        {
            var symbol = Symbols.FirstOrDefault(two => string.CompareOrdinal(source, start, two, 0, 2) == 0) ?? first.ToString();
            depth += symbol is "(" or "[" or "{" ? 1 : symbol is ")" or "]" or "}" ? -1 : 0;
            at += symbol.Length;
            tokens.Add(new(TokenKind.Symbol, symbol));
        }
    }

    private static Token Number(string source, ref int at)
    {
        var start = at;
        while (at < source.Length && (char.IsLetterOrDigit(source[at]) || source[at] == '.'
            || source[at] is '+' or '-' && source[at - 1] is 'e' or 'E'))
            at++;
        var text = source[start..at];
        var value = long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var whole) ? (object)whole
            : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var real) ? real
            : throw new UnreadableScriptException($"its code holds the number {text}");
        return new(TokenKind.Number, text, value);
    }

    private static Token Text(string source, ref int at)
    {
        var quote = source[at++];
        var text = new StringBuilder();
        while (at < source.Length && source[at] != quote)
        {
            if (source[at] == '\\')
                at++;
            if (at < source.Length)
                text.Append(source[at++]);
        }
        at++;
        return new(TokenKind.Text, text.ToString(), text.ToString());
    }
}
