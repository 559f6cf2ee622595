using System.Runtime.CompilerServices;

namespace Afterimage.Models.TorchScript;

/// <summary>
/// Runs a module's forward method on a symbolic image: control flow and numbers are evaluated, tensor operations become
/// layers. It knows the subset of Python that TorchScript writes, and nothing outside the archive.
/// </summary>
internal sealed class ScriptInterpreter
{
    private const int MostSteps = 1_000_000;
    private readonly ScriptArchive archive;
    private readonly Dictionary<string, SourceFile> files = [];
    private readonly Dictionary<PickledTensor, NamedTensor> names = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<PickledObject, string> modules = new(ReferenceEqualityComparer.Instance);
    private readonly ScriptOperators operators = new();
    private int steps;

    private ScriptInterpreter(ScriptArchive archive) => this.archive = archive;

    /// <summary>The activation that forward returns for images of this shape, and notes on what the network leaves out.</summary>
    public static (Flow Result, ValueList<string> Notes) Run(ScriptArchive archive, ImageShape input)
    {
        var root = archive.Root as PickledObject ?? throw new UnreadableScriptException("its data.pkl holds no module");
        var interpreter = new ScriptInterpreter(archive);
        interpreter.Name(root, "");
        var image = new Flow([input.Channels, input.Height, input.Width]);
        var returned = interpreter.Method(root, "forward", [image], []);
        var result = returned as Flow ?? (returned as View)?.Settled()
            ?? throw new UnreadableScriptException("its forward method returns something other than one tensor of logits");
        if (interpreter.operators.Logits is { } logits && !ReferenceEquals(logits, result))
            throw new UnreadableScriptException("it goes on computing after a log-softmax");
        return (result, interpreter.operators.Notes);
    }

    private void Name(PickledObject module, string prefix)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        // Modules that share children in many levels would be walked without end.
        if (++steps > MostSteps)
            throw new UnreadableScriptException("its modules share one another too often");
        modules.TryAdd(module, prefix.TrimEnd('.'));
        operators.See(module);
        foreach (var (name, value) in module.Attributes)
            if (value is PickledTensor tensor)
                names.TryAdd(tensor, new(prefix + name, tensor.Shape));
            else if (value is PickledObject child)
                Name(child, $"{prefix}{name}.");
    }

    private SourceFile File(string qualified)
    {
        if (!files.TryGetValue(qualified, out var file))
            files[qualified] = file = ScriptParser.Parse(archive.Source(qualified)
                ?? throw new UnreadableScriptException($"its code lacks {qualified}"));
        return file;
    }

    private static (string File, string Name) Split(string qualified) => qualified.LastIndexOf('.') is var dot and > 0
        ? (qualified[..dot], qualified[(dot + 1)..])
        : throw new UnreadableScriptException($"its code names {qualified}, which is nowhere");

    private Class TypeOf(PickledObject module)
    {
        var (file, name) = Split(module.Type);
        return File(file).Classes.GetValueOrDefault(name) ?? throw new UnreadableScriptException($"its code lacks the class {module.Type}");
    }

    private object? Method(PickledObject module, string name, object?[] arguments, Dictionary<string, object?> named)
    {
        if (!TypeOf(module).Methods.TryGetValue(name, out var method))
            throw new UnreadableScriptException($"{module.Type} has no method {name}");
        try
        {
            return Invoke(method, [module, .. arguments], named);
        }
        catch (UnreadableScriptException reason)
        {
            throw reason.In(modules.GetValueOrDefault(module, ""));
        }
    }

    private object? Invoke(Function function, object?[] arguments, Dictionary<string, object?> named)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var variables = new Dictionary<string, object?>();
        for (var i = 0; i < function.Parameters.Length; i++)
        {
            var (name, missing) = function.Parameters[i];
            variables[name] = i < arguments.Length ? arguments[i]
                : named.TryGetValue(name, out var value) ? value
                : missing is not null ? Value(missing, variables)
                : throw new UnreadableScriptException($"{function.Name} is called without {name}");
        }
        return Execute(function.Body, variables, out var result) ? result : null;
    }

    /// <summary>True when a return statement was reached.</summary>
    private bool Execute(Statement[] body, Dictionary<string, object?> variables, out object? result)
    {
        result = null;
        foreach (var statement in body)
        {
            if (++steps > MostSteps)
                throw new UnreadableScriptException("its code runs too long");
            switch (statement)
            {
                case Assign assign:
                    Store(assign, Value(assign.Value, variables), variables);
                    break;
                case Evaluate evaluate:
                    Value(evaluate.Value, variables);
                    break;
                case Return done:
                    result = Value(done.Value, variables);
                    return true;
                case If choice:
                    if (Execute(Truth(Value(choice.Condition, variables)) ? choice.Then : choice.Else, variables, out result))
                        return true;
                    break;
                case While loop:
                    while (Truth(Value(loop.Condition, variables)))
                    {
                        if (++steps > MostSteps)
                            throw new UnreadableScriptException("its code runs too long");
                        if (Execute(loop.Body, variables, out result))
                            return true;
                    }
                    break;
                case For loop:
                    foreach (var item in ScriptValues.List(Value(loop.Over, variables)))
                    {
                        variables[loop.Variable] = item;
                        if (Execute(loop.Body, variables, out result))
                            return true;
                    }
                    break;
            }
        }
        return false;
    }

    private static void Store(Assign assign, object? value, Dictionary<string, object?> variables)
    {
        if (!assign.Unpack)
        {
            variables[assign.Targets[0]] = value;
            return;
        }
        var items = ScriptValues.List(value);
        if (items.Count != assign.Targets.Length)
            throw new UnreadableScriptException($"its code unpacks {items.Count} values into {assign.Targets.Length} variables");
        for (var i = 0; i < items.Count; i++)
            variables[assign.Targets[i]] = items[i];
    }

    internal static bool Truth(object? value) => value switch
    {
        bool known => known,
        long number => number != 0,
        double number => number != 0,
        _ => throw new UnreadableScriptException("its control flow depends on the values of a tensor"),
    };

    private object? Value(Expression expression, Dictionary<string, object?> variables)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        switch (expression)
        {
            case Literal literal:
                return literal.Value;
            case NameOf(var name):
                return variables.TryGetValue(name, out var known) ? known : new PickledName(name);
            case Items items:
                return new List<object?>(items.Values.Select(item => Value(item, variables)));
            case Conditional choice:
                return Value(Truth(Value(choice.Condition, variables)) ? choice.Then : choice.Else, variables);
            case Member member:
                return Attribute(Value(member.Target, variables), member.Name);
            case Element element:
                return ScriptValues.Item(Value(element.Target, variables), Value(element.Index, variables));
            case Operation { Left: null } unary:
                return operators.Apply(unary.Operator == "-" ? "neg" : "__not__", [Value(unary.Right, variables)], []);
            case Operation binary:
                return Binary(binary, variables);
            case Call call:
                return Result(call, variables);
            default:
                throw new UnreadableScriptException($"its code holds a {expression.GetType().Name}");
        }
    }

    private object? Binary(Operation binary, Dictionary<string, object?> variables)
    {
        var left = Value(binary.Left!, variables);
        if (binary.Operator is "and" or "or")
            return Truth(left) == (binary.Operator == "or") ? left : Value(binary.Right, variables);
        return operators.Apply(binary.Operator switch
        {
            "==" => "eq", "!=" => "ne", "<" => "lt", "<=" => "le", ">" => "gt", ">=" => "ge", "is" => "__is__", "is not" => "__isnot__",
            "+" => "add", "-" => "sub", "*" => "mul", "//" => "floordiv", "%" => "remainder",
            var other => other,
        }, [left, Value(binary.Right, variables)], []);
    }

    private object? Attribute(object? target, string name)
    {
        switch (target)
        {
            // A model exported in train mode, by an export that forgot eval(), is read in eval mode.
            case PickledObject when name == "training":
                return false;
            case PickledObject module when module.Attributes.TryGetValue(name, out var value):
                return value is PickledTensor tensor ? names[tensor] : value;
            case PickledObject module when TypeOf(module).Constants.TryGetValue(name, out var constant):
                return Value(constant, []);
            case PickledObject module:
                throw new UnreadableScriptException($"{module.Type} has no attribute {name}");
            case PickledName("CONSTANTS"):
                return archive.Constant(name)
                    ?? throw new UnreadableScriptException($"its code computes with the constant {name}, which is a tensor");
            case PickledName(var qualified):
                return new PickledName($"{qualified}.{name}");
            default:
                throw new UnreadableScriptException($"its code reads the attribute {name} of a value");
        }
    }

    private object? Result(Call call, Dictionary<string, object?> variables)
    {
        // The first argument of these is a type.
        if (call is { Function: NameOf("annotate" or "unchecked_cast"), Arguments: [_, var inner] })
            return Value(inner, variables);
        if (call.Function is NameOf("uninitialized"))
            return null;
        var arguments = call.Arguments.Select(argument => Value(argument, variables)).ToArray();
        var named = call.Named.ToDictionary(pair => pair.Name, pair => Value(pair.Value, variables));
        if (call.Function is Member(var target, var name) && Value(target, variables) is PickledObject module)
            return Method(module, name, arguments, named);
        var function = (Value(call.Function, variables) as PickledName)?.Name
            ?? throw new UnreadableScriptException("its code calls a value");
        if (function == "getattr" && arguments is [var owner, string attribute])
            return Attribute(owner, attribute);
        if (!function.StartsWith("__torch__", StringComparison.Ordinal))
            return operators.Apply(function.StartsWith("torch.", StringComparison.Ordinal) ? function["torch.".Length..] : function,
                arguments, named);
        var (file, method) = Split(function);
        return File(file).Functions.TryGetValue(method, out var found)
            ? Invoke(found, arguments, named)
            : throw new UnreadableScriptException($"its code lacks {function}");
    }
}
