namespace Afterimage.Models.TorchScript;

internal abstract record Expression;

internal sealed record NameOf(string Name) : Expression;

internal sealed record Literal(object? Value) : Expression;

internal sealed record Member(Expression Target, string Name) : Expression;

internal sealed record Element(Expression Target, Expression Index) : Expression;

internal sealed record Call(Expression Function, Expression[] Arguments, (string Name, Expression Value)[] Named) : Expression;

internal sealed record Items(Expression[] Values, bool IsTuple) : Expression;

internal sealed record Conditional(Expression Condition, Expression Then, Expression Else) : Expression;

/// <summary>A unary operator has no left side.</summary>
internal sealed record Operation(string Operator, Expression? Left, Expression Right) : Expression;

internal abstract record Statement;

internal sealed record Assign(string[] Targets, bool Unpack, Expression Value) : Statement;

internal sealed record Evaluate(Expression Value) : Statement;

internal sealed record Return(Expression Value) : Statement;

internal sealed record If(Expression Condition, Statement[] Then, Statement[] Else) : Statement;

internal sealed record For(string Variable, Expression Over, Statement[] Body) : Statement;

internal sealed record While(Expression Condition, Statement[] Body) : Statement;

internal sealed record Function(string Name, (string Name, Expression? Default)[] Parameters, Statement[] Body);

internal sealed record Class(string Name, Dictionary<string, Expression> Constants, Dictionary<string, Function> Methods);

internal sealed record SourceFile(Dictionary<string, Class> Classes, Dictionary<string, Function> Functions);
