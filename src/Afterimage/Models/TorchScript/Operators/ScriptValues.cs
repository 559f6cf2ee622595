namespace Afterimage.Models.TorchScript;

/// <summary>TorchScript's operators on numbers, lists and texts.</summary>
internal static class ScriptValues
{
    public static object? Apply(string name, ScriptArguments a) => (name, a.Positional) switch
    {
        ("t", [NamedTensor { IsTransposed: false } tensor]) => tensor with { IsTransposed = true },
        ("size", [NamedTensor tensor]) => tensor.Shape.Select(size => (object?)size).ToList(),
        ("size", [NamedTensor tensor, long dimension]) => Item(tensor.Shape.Select(size => (object?)size).ToList(), dimension),
        ("transpose", [NamedTensor { IsTransposed: false, Shape.Length: 2 } tensor, 0L or -2L, 1L or -1L]) =>
            tensor with { IsTransposed = true },
        ("dim", [NamedTensor tensor]) => (long)tensor.Shape.Length,
        ("expand" or "repeat", [NamedTensor { IsTransposed: false } tensor, List<object?> sizes, ..]) => Repeated(tensor, sizes, name),
        ("slice", [NamedTensor tensor, ..]) when IsWhole(tensor, a) => tensor,
        ("contiguous" or "to" or "type_as" or "clone", [NamedTensor tensor, ..]) => tensor,
        ("ops.prim.dtype", _) => 6L,
        ("ops.prim.device", _) => "cpu",
        ("ops.prim.is_cuda" or "ops.prim.is_nested" or "ops.prim.is_quantized" or "is_autocast_enabled", _) => false,
        // PyTorch's modules have a fast path without gradients; the other one consists of known operators.
        ("is_grad_enabled" or "ops.prim.requires_grad" or "is_floating_point", _) => true,
        ("any", [List<object?> list]) => list.Any(ScriptInterpreter.Truth),
        ("all", [List<object?> list]) => list.All(ScriptInterpreter.Truth),
        ("find", [string text, string part, ..]) => (long)text.IndexOf(part, StringComparison.Ordinal),
        ("len", [string text]) => (long)text.Length,
        ("add", [string x, string y]) => x + y,
        ("add", [long x, long y, ..]) => x + y,
        ("sub", [long x, long y, ..]) => x - y,
        ("mul", [long x, long y]) => checked(x * y),
        ("add", [long or double, long or double]) => Number(a.Positional[0]) + Number(a.Positional[1]),
        ("sub", [long or double, long or double]) => Number(a.Positional[0]) - Number(a.Positional[1]),
        ("mul", [long or double, long or double]) => Number(a.Positional[0]) * Number(a.Positional[1]),
        ("mul", [List<object?> list, long count]) => Enumerable.Repeat(list, checked((int)count)).SelectMany(items => items).ToList(),
        ("div", [long x, long y, ..]) when a.At(2, "rounding_mode", "") is "trunc" or "floor" && y > 0 && x >= 0 => x / y,
        ("div" or "/", [long or double, long or double]) => Number(a.Positional[0]) / Number(a.Positional[1]),
        ("pow", [long or double, long or double]) => Math.Pow(Number(a.Positional[0]), Number(a.Positional[1])),
        ("sqrt", [long or double]) => Math.Sqrt(Number(a.Positional[0])),
        ("floordiv" or "__floordiv__" or "floor_divide", [long x, long y]) when y > 0 && x >= 0 => x / y,
        ("remainder", [long x, long y]) when y > 0 && x >= 0 => x % y,
        ("neg", [long x]) => -x,
        ("neg", [double x]) => -x,
        ("eq", [var x, var y]) when IsPlain(x) && IsPlain(y) => Same(x, y),
        ("ne", [var x, var y]) when IsPlain(x) && IsPlain(y) => !Same(x, y),
        ("lt", [long or double, long or double]) => Number(a.Positional[0]) < Number(a.Positional[1]),
        ("le", [long or double, long or double]) => Number(a.Positional[0]) <= Number(a.Positional[1]),
        ("gt", [long or double, long or double]) => Number(a.Positional[0]) > Number(a.Positional[1]),
        ("ge", [long or double, long or double]) => Number(a.Positional[0]) >= Number(a.Positional[1]),
        ("add", [List<object?> first, List<object?> second]) => first.Concat(second).ToList(),
        ("__not__", [var x]) => !ScriptInterpreter.Truth(x),
        ("__and__", [bool x, bool y]) => x && y,
        ("__or__", [bool x, bool y]) => x || y,
        ("__is__", [var x, var y]) when x is null || y is null => x is null && y is null,
        ("__isnot__", [var x, var y]) when x is null || y is null => !(x is null && y is null),
        ("len", [var list]) => (long)List(list).Count,
        ("__contains__", [List<object?> list, var item]) => list.Any(other => Same(other, item)),
        ("append", [List<object?> list, var item]) => Append(list, item),
        ("slice", [List<object?> list, ..]) => Slice(list, a),
        ("list", [List<object?> list]) => list.ToList(),
        ("range", [long end]) => Range(0, end),
        ("range", [long start, long end]) => Range(start, end),
        ("ops.prim.min", [List<object?> list]) => Longs(list).Min(),
        ("ops.prim.max", [List<object?> list]) => Longs(list).Max(),
        ("ops.prim.min", [long x, long y]) => Math.Min(x, y),
        ("ops.prim.max", [long x, long y]) => Math.Max(x, y),
        ("bool", [long or double]) => ScriptInterpreter.Truth(a.Positional[0]),
        ("__range_length", [long from, long to, long step]) when step > 0 => Math.Max(0, (to - from + step - 1) / step),
        ("__derive_index", [long index, long from, long step]) => from + index * step,
        ("int" or "bool" or "float" or "ops.prim.NumToTensor" or "IntImplicit" or "ScalarImplicit" or "Int", [long or double or bool]) =>
            a.Positional[0],
        ("str", [string text]) => text,
        ("format" or "str", [string text, ..]) => text,
        ("str", _) => "",
        ("warn" or "_log_api_usage_once" or "ops.prim.Print", _) => null,
        ("ops.prim.RaiseException", _) => throw new UnreadableScriptException("its own code raises an exception for this image shape"),
        _ => throw Unknown(name),
    };

    private static NamedTensor Repeated(NamedTensor tensor, List<object?> sizes, string how)
    {
        var wanted = Longs(sizes);
        var extra = wanted.Length - tensor.Shape.Length;
        var same = how == "repeat" ? 1 : -1;
        return extra >= 0 && wanted.Length > 1 && wanted[0] == ScriptOperators.Batch && (extra > 0 || tensor.Shape[0] == 1)
            && wanted.Skip(1).Select((size, i) => size == same || (i + 1 >= extra && how == "expand" && size == tensor.Shape[i + 1 - extra])
                || (i + 1 < extra && size == 1)).All(fits => fits)
            ? tensor with { IsRepeated = true }
            : throw Unknown($"a repetition of {tensor.Name} to [{string.Join(",", wanted)}]");
    }

    private static bool IsWhole(NamedTensor tensor, ScriptArguments a) => a.At(4, "step", 1L) == 1
        && (a.At<object?>(2, "start", null) as long? ?? 0) == 0
        && (a.At<object?>(3, "end", null) as long? ?? long.MaxValue) >= tensor.Shape.At(a.At(1, "dim", 0L));

    /// <summary>An element counted from the end where the index is negative.</summary>
    public static long At(this long[] sizes, long index) => (index < 0 ? index + sizes.Length : index) is var place && place >= 0
        && place < sizes.Length ? sizes[place] : throw new UnreadableScriptException("its code asks for a dimension that is not there");

    public static UnreadableScriptException Unknown(string name) => new($"{name} is not a layer that Afterimage knows");

    private static double Number(object? value) => value is long whole ? whole : (double)value!;

    private static bool IsPlain(object? value) => value is null or long or double or bool or string or List<object?>;

    private static bool Same(object? x, object? y) => (x, y) switch
    {
        (List<object?> first, List<object?> second) => first.SequenceEqual(second),
        (long first, double second) => first == second,
        (double first, long second) => first == second,
        _ => Equals(x, y),
    };

    private static List<object?> Append(List<object?> list, object? item)
    {
        list.Add(item);
        return list;
    }

    private static List<object?> Slice(List<object?> list, ScriptArguments a)
    {
        if (a.At(3, "step", 1L) != 1)
            throw Unknown("a list slice with a step");
        var start = Place(a.At<object?>(1, "start", null) as long? ?? 0, list.Count);
        var end = Place(a.At<object?>(2, "end", null) as long? ?? long.MaxValue, list.Count);
        return list[start..Math.Max(start, end)];
    }

    private static int Place(long index, int count) => (int)Math.Clamp(index < 0 ? index + count : index, 0, count);

    private static List<object?> Range(long start, long end) => end - start > 1000
        ? throw new UnreadableScriptException("its code loops more than 1000 times")
        : [.. Enumerable.Range(0, (int)Math.Max(0, end - start)).Select(i => (object?)(start + i))];

    public static List<object?> List(object? value) => value as List<object?>
        ?? (value as object?[])?.ToList() ?? throw new UnreadableScriptException("its code takes a value for a list");

    public static object? Item(object? list, object? index)
    {
        var items = List(list);
        var at = index is long number ? number < 0 ? number + items.Count : number : -1;
        return at >= 0 && at < items.Count ? items[(int)at] : throw new UnreadableScriptException("its code reads past the end of a list");
    }

    public static long[] Longs(object? value) =>
        [.. List(value).Select(item => item as long?
            ?? throw new UnreadableScriptException("its code lists something other than whole numbers"))];
}

/// <summary>The arguments of one call, by position or by name.</summary>
internal sealed record ScriptArguments(string Name, object?[] Positional, Dictionary<string, object?> Named)
{
    public T At<T>(int position, string name, T missing)
    {
        var value = position < Positional.Length ? Positional[position] : Named.GetValueOrDefault(name);
        return value is T typed ? typed : value is null ? missing : throw Unexpected(name);
    }

    public double Number(int position, string name, double missing) => At<object?>(position, name, null) switch
    {
        null => missing,
        long whole => whole,
        double real => real,
        _ => throw Unexpected(name),
    };

    public Flow Flow(int position) => View(position) is var view ? view.Settled() ?? throw view.Unusual(Name) : null!;

    public View View(int position) => (position < Positional.Length ? Positional[position] : null) switch
    {
        Flow flow => TorchScript.View.Of(flow),
        View view => view,
        _ => throw new UnreadableScriptException($"{Name} is applied to something other than the image"),
    };

    public NamedTensor Tensor(int position) => Optional(position) ?? throw Unexpected("weight");

    public NamedTensor? Optional(int position) => position >= Positional.Length || Positional[position] is null ? null
        : Positional[position] as NamedTensor ?? throw Unexpected(FormattableString.Invariant($"tensor number {position}"));

    /// <summary>One number for height and width; an empty list means the default.</summary>
    public int Square(int position, string name, int missing) => At<object?>(position, name, null) switch
    {
        null or List<object?> { Count: 0 } => missing,
        long one => checked((int)one),
        List<object?> list when ScriptValues.Longs(list) is var sizes && sizes.All(size => size == sizes[0]) => checked((int)sizes[0]),
        _ => throw new UnreadableScriptException($"the {name} of {Name} is not one number for height and width"),
    };

    private UnreadableScriptException Unexpected(string argument) => new($"{Name} has an unusual {argument}");
}
