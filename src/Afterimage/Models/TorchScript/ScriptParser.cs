using System.Runtime.CompilerServices;

namespace Afterimage.Models.TorchScript;

/// <summary>Parses one code file of a TorchScript archive.</summary>
internal sealed class ScriptParser
{
    private static readonly string[][] Precedence =
        [["or"], ["and"], ["==", "!=", "<", "<=", ">", ">=", "is", "in"], ["+", "-"], ["*", "/", "//", "%"]];

    private readonly List<Token> tokens;
    private int at;

    private ScriptParser(string source) => tokens = ScriptLexer.Read(source);

    public static SourceFile Parse(string source) => new ScriptParser(source).File();

    private Token Current => tokens[at];

    private bool Is(string text) => Current.Kind is TokenKind.Symbol or TokenKind.Name && Current.Text == text;

    private bool Take(string text)
    {
        if (!Is(text))
            return false;
        at++;
        return true;
    }

    private void Expect(string text)
    {
        if (!Take(text))
            throw Unexpected();
    }

    private string Name() => Current.Kind == TokenKind.Name ? tokens[at++].Text : throw Unexpected();

    private void Expect(TokenKind kind)
    {
        if (tokens[at].Kind != kind)
            throw Unexpected();
        at++;
    }

    private UnreadableScriptException Unexpected() => new($"its code holds \"{Current.Text}\" where Afterimage does not expect it");

    private SourceFile File()
    {
        var file = new SourceFile([], []);
        while (Current.Kind != TokenKind.End)
            if (Is("class"))
            {
                var found = Class();
                file.Classes[found.Name] = found;
            }
            else if (Is("def"))
            {
                var found = Function();
                file.Functions[found.Name] = found;
            }
            else
                throw Unexpected();
        return file;
    }

    private Class Class()
    {
        Expect("class");
        var found = new Class(Name(), [], []);
        Expect("(");
        Until(")");
        Expect(":");
        Expect(TokenKind.NewLine);
        Expect(TokenKind.Indent);
        while (Current.Kind != TokenKind.Dedent)
            if (Is("def"))
            {
                var method = Function();
                found.Methods[method.Name] = method;
            }
            else
                Attribute(found);
        at++;
        return found;
    }

    /// <summary>name : Type, name : Final[Type] = value, name = value, or __annotations__["name"] = Type; types do not matter.</summary>
    private void Attribute(Class owner)
    {
        if (Take("pass"))
        {
            Expect(TokenKind.NewLine);
            return;
        }
        var target = Expression();
        if (Take(":"))
            Expression();
        if (Take("=") && Expression() is var value && target is NameOf(var name))
            owner.Constants[name] = value;
        Expect(TokenKind.NewLine);
    }

    private Function Function()
    {
        Expect("def");
        var name = Name();
        Expect("(");
        var parameters = new List<(string, Expression?)>();
        while (!Take(")"))
        {
            var parameter = Name();
            if (Take(":"))
                Expression();
            parameters.Add((parameter, Take("=") ? Expression() : null));
            Take(",");
        }
        if (Take("->"))
            Expression();
        Expect(":");
        return new(name, [.. parameters], Block());
    }

    private Statement[] Block()
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        Expect(TokenKind.NewLine);
        Expect(TokenKind.Indent);
        var statements = new List<Statement>();
        while (Current.Kind != TokenKind.Dedent)
            if (Statement() is { } statement)
                statements.Add(statement);
        at++;
        return [.. statements];
    }

    private Statement? Statement()
    {
        if (Take("if"))
        {
            var condition = Expression();
            Expect(":");
            var then = Block();
            Statement[] otherwise = [];
            if (Take("else"))
            {
                Expect(":");
                otherwise = Block();
            }
            return new If(condition, then, otherwise);
        }
        if (Take("for"))
        {
            var variable = Name();
            Expect("in");
            var over = Expression();
            Expect(":");
            return new For(variable, over, Block());
        }
        if (Take("while"))
        {
            var condition = Expression();
            Expect(":");
            return new While(condition, Block());
        }
        Statement? statement = Take("pass") ? null
            : Take("return") ? new Return(Current.Kind == TokenKind.NewLine ? new Literal(null) : Tuple())
            : Simple();
        Expect(TokenKind.NewLine);
        return statement;
    }

    private Statement Simple()
    {
        var left = Tuple();
        // A variable may be declared with its type.
        if (Take(":"))
            Expression();
        if (!Take("="))
            return new Evaluate(left);
        var value = Tuple();
        return left switch
        {
            NameOf(var name) => new Assign([name], false, value),
            Items { IsTuple: true } items when items.Values.All(item => item is NameOf) =>
                new Assign([.. items.Values.Select(item => ((NameOf)item).Name)], true, value),
            _ => throw new UnreadableScriptException("its code assigns to something other than a variable"),
        };
    }

    /// <summary>a, b, c without parentheses.</summary>
    private Expression Tuple()
    {
        var first = Expression();
        if (!Is(","))
            return first;
        var values = new List<Expression> { first };
        while (Take(","))
            if (Current.Kind != TokenKind.NewLine && !Is("="))
                values.Add(Expression());
        return new Items([.. values], true);
    }

    private Expression Expression()
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var value = Operation(0);
        if (Take("if"))
        {
            var condition = Operation(0);
            Expect("else");
            value = new Conditional(condition, value, Expression());
        }
        return value;
    }

    private Expression Operation(int level)
    {
        if (level == Precedence.Length)
            return Unary();
        var left = Operation(level + 1);
        while (Precedence[level].Any(Is))
        {
            var symbol = tokens[at++].Text;
            if (symbol == "is" && Take("not"))
                symbol = "is not";
            left = new Operation(symbol, left, Operation(level + 1));
        }
        return left;
    }

    private Expression Unary()
    {
        if (!Is("-") && !Is("not"))
            return Postfix();
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var symbol = tokens[at++].Text;
        return new Operation(symbol, null, Unary());
    }

    private Expression Postfix()
    {
        var value = Atom();
        while (true)
            if (Take("."))
                value = new Member(value, Name());
            else if (Take("("))
                value = Arguments(value);
            else if (Take("["))
                value = new Element(value, Index());
            else
                return value;
    }

    private Expression Index()
    {
        var values = Until("]");
        return values.Length == 1 ? values[0] : new Items(values, true);
    }

    private Call Arguments(Expression function)
    {
        var (arguments, named) = (new List<Expression>(), new List<(string, Expression)>());
        while (!Take(")"))
        {
            if (Current.Kind == TokenKind.Name && tokens[at + 1] is { Kind: TokenKind.Symbol, Text: "=" })
            {
                var name = Name();
                at++;
                named.Add((name, Expression()));
            }
            else
                arguments.Add(Expression());
            Take(",");
        }
        return new(function, [.. arguments], [.. named]);
    }

    private Expression[] Until(string end)
    {
        var values = new List<Expression>();
        while (!Take(end))
        {
            values.Add(Expression());
            if (!Take(",") && !Is(end))
                throw Unexpected();
        }
        return [.. values];
    }

    private Expression Atom()
    {
        var token = tokens[at++];
        switch (token)
        {
            case { Kind: TokenKind.Number or TokenKind.Text }:
                return new Literal(token.Value);
            case { Kind: TokenKind.Name }:
                return token.Text switch
                {
                    "True" => new Literal(true),
                    "False" => new Literal(false),
                    "None" => new Literal(null),
                    "inf" => new Literal(double.PositiveInfinity),
                    "nan" => new Literal(double.NaN),
                    _ => new NameOf(token.Text),
                };
            case { Kind: TokenKind.Symbol, Text: "[" }:
                return new Items(Until("]"), false);
            case { Kind: TokenKind.Symbol, Text: "(" }:
                var start = at;
                var values = Until(")");
                return values.Length == 1 && tokens[at - 2].Text != "," && at > start ? values[0] : new Items(values, true);
            default:
                at--;
                throw Unexpected();
        }
    }
}
