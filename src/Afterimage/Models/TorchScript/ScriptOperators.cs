namespace Afterimage.Models.TorchScript;

/// <summary>TorchScript's operators on numbers and lists, and those that correspond to layers.</summary>
internal sealed class ScriptOperators
{
    /// <summary>The batch size that the script is told, a large prime, so that a reshape to another batch size is noticed.</summary>
    private const long Batch = 7919;

    private readonly List<string> notes = [];
    private int dropouts;

    public ValueList<string> Notes => notes.Distinct().ToValueList();

    public object? Apply(string name, object?[] positional, Dictionary<string, object?> named)
    {
        var arguments = new Arguments(name, positional, named);
        return positional is [Flow or Strided, ..] || name is "addmm" ? OnFlow(name, arguments) : OnValues(name, arguments);
    }

    public static List<object?> List(object? value) => value as List<object?>
        ?? (value as object?[])?.ToList() ?? throw new UnreadableScriptException("its code takes a value for a list");

    public static object? Item(object? list, object? index)
    {
        var items = List(list);
        var at = index is long number ? number < 0 ? number + items.Count : number : -1;
        return at >= 0 && at < items.Count ? items[(int)at] : throw new UnreadableScriptException("its code reads past the end of a list");
    }

    private object? OnFlow(string name, Arguments a) => name switch
    {
        "conv2d" => a.Flow(0).Then(Convolution(a, a.At(6, "groups", 1L))),
        "_convolution" when a.At<bool>(6, "transposed", false) => throw Unknown("a transposed convolution"),
        "_convolution" => a.Flow(0).Then(Convolution(a, a.At(8, "groups", 1L))),
        "linear" => Linear(a.Flow(0), a.Tensor(1), a.Optional(2)),
        "addmm" when a.Positional is [NamedTensor bias, Flow flow, NamedTensor { IsTransposed: true } weight, ..] =>
            Linear(flow, weight, bias),
        "matmul" when a.Positional is [Flow flow, NamedTensor { IsTransposed: true } weight] => Linear(flow, weight, null),
        "batch_norm" => a.Flow(0).Then(BatchNorm(a)),
        "relu" or "relu_" => Activate(a, ActivationKind.ReLU),
        "leaky_relu" or "leaky_relu_" => a.Flow(0).Then(new Activation(ActivationKind.LeakyReLU, a.At(1, "negative_slope", 0.01))),
        "sigmoid" or "sigmoid_" => Activate(a, ActivationKind.Sigmoid),
        "tanh" or "tanh_" => Activate(a, ActivationKind.Tanh),
        "silu" or "silu_" => Activate(a, ActivationKind.Silu),
        "gelu" when a.At(1, "approximate", "none") == "none" => Activate(a, ActivationKind.Gelu),
        "softplus" when a.Number(1, "beta", 1) == 1 && a.Number(2, "threshold", 20) == 20 => Activate(a, ActivationKind.Softplus),
        "max_pool2d" => a.Flow(0).Then(MaxPool(a)),
        "avg_pool2d" => a.Flow(0).Then(AvgPool(a)),
        "adaptive_avg_pool2d" => AdaptivePool(a),
        "mean" => Mean(a),
        "flatten" => Flattened(a.Flow(0), a.At(1, "start_dim", 0L), a.At(2, "end_dim", -1L)),
        "view" or "reshape" => Reshaped(a.Flow(0), Longs(a.At<object?>(1, "shape", null))),
        "add" or "add_" when a.Number(2, "alpha", 1) == 1 => Flow.Add(a.Flow(0), a.Flow(1)),
        "slice" => Slice(a),
        "pad" or "constant_pad_nd" => Pad(a),
        "dropout" or "dropout_" or "feature_dropout" or "feature_dropout_" or "alpha_dropout" => Dropout(a),
        "contiguous" => a.Flow(0),
        "size" when a.Positional is [Flow flow, long dimension] => Item(Sizes(flow), dimension),
        "size" => Sizes(a.Flow(0)),
        "dim" or "ndimension" => (long)a.Flow(0).Shape.Length + 1,
        "__is__" => a.Positional[1] is null ? false : throw Unknown(name),
        "__isnot__" => a.Positional[1] is null ? true : throw Unknown(name),
        _ => throw Unknown(name),
    };

    private static object? OnValues(string name, Arguments a) => (name, a.Positional) switch
    {
        ("t", [NamedTensor { IsTransposed: false } tensor]) => tensor with { IsTransposed = true },
        ("size", [NamedTensor tensor]) => tensor.Shape.Select(size => (object?)size).ToList(),
        ("size", [NamedTensor tensor, long dimension]) => Item(tensor.Shape.Select(size => (object?)size).ToList(), dimension),
        ("add", [long x, long y, ..]) => x + y,
        ("sub", [long x, long y, ..]) => x - y,
        ("mul", [long x, long y]) => checked(x * y),
        ("floordiv" or "__floordiv__" or "floor_divide", [long x, long y]) when y > 0 && x >= 0 => x / y,
        ("remainder", [long x, long y]) when y > 0 && x >= 0 => x % y,
        ("neg", [long x]) => -x,
        ("neg", [double x]) => -x,
        ("eq", [var x, var y]) when IsPlain(x) && IsPlain(y) => Same(x, y),
        ("ne", [var x, var y]) when IsPlain(x) && IsPlain(y) => !Same(x, y),
        ("lt", [long x, long y]) => x < y,
        ("le", [long x, long y]) => x <= y,
        ("gt", [long x, long y]) => x > y,
        ("ge", [long x, long y]) => x >= y,
        ("__not__", [var x]) => !ScriptInterpreter.Truth(x),
        ("__and__", [bool x, bool y]) => x && y,
        ("__or__", [bool x, bool y]) => x || y,
        ("__is__", [var x, var y]) when x is null || y is null => x is null && y is null,
        ("__isnot__", [var x, var y]) when x is null || y is null => !(x is null && y is null),
        ("len", [var list]) => (long)List(list).Count,
        ("append", [List<object?> list, var item]) => Append(list, item),
        ("slice", [List<object?> list, ..]) => Slice(list, a),
        ("list", [List<object?> list]) => list.ToList(),
        ("range", [long end]) => Range(0, end),
        ("range", [long start, long end]) => Range(start, end),
        ("ops.prim.min", [List<object?> list]) => Longs(list).Min(),
        ("ops.prim.max", [List<object?> list]) => Longs(list).Max(),
        ("ops.prim.min", [long x, long y]) => Math.Min(x, y),
        ("ops.prim.max", [long x, long y]) => Math.Max(x, y),
        ("int" or "bool" or "float" or "ops.prim.NumToTensor" or "IntImplicit" or "ScalarImplicit" or "Int", [long or double or bool]) =>
            a.Positional[0],
        ("format" or "str", _) => "",
        ("warn" or "_log_api_usage_once" or "ops.prim.Print", _) => null,
        ("ops.prim.RaiseException", _) => throw new UnreadableScriptException("its own code raises an exception for this image shape"),
        _ => throw Unknown(name),
    };

    private static UnreadableScriptException Unknown(string name) => new($"{name} is not a layer that Afterimage knows");

    private static Flow Activate(Arguments a, ActivationKind kind) => a.Flow(0).Then(new Activation(kind));

    /// <summary>The name X of a layer with the parameters X.weight and X.bias; other names are not supported.</summary>
    private static string Owner(NamedTensor weight, NamedTensor? bias, string operation)
    {
        const string Suffix = ".weight";
        var owner = weight.Name.EndsWith(Suffix, StringComparison.Ordinal) ? weight.Name[..^Suffix.Length] : null;
        return owner is not null && (bias is null || bias.Name == owner + ".bias") ? owner
            : throw new UnreadableScriptException($"the parameters of {operation} are named {weight.Name} and {bias?.Name ?? "nothing"}, " +
                "not X.weight and X.bias");
    }

    private static Conv2d Convolution(Arguments a, long groups)
    {
        var (weight, bias) = (a.Tensor(1), a.Optional(2));
        if (weight.Shape is not [var output, var input, var height, var width] || height != width)
            throw Unknown("a convolution with a window that is not square");
        if (a.Flow(0).Shape.Length != 3)
            throw Unknown("a convolution of something other than images");
        return new(Owner(weight, bias, "a convolution"), (int)(input * groups), (int)output, (int)height,
            a.Square(3, "stride", 1), a.Square(4, "padding", 0), a.Square(5, "dilation", 1), (int)groups, bias is not null);
    }

    private static Flow Linear(Flow flow, NamedTensor weight, NamedTensor? bias) => flow.Shape.Length == 1
        ? flow.Then(new Linear(Owner(weight, bias, "a linear layer"), (int)weight.Shape[1], (int)weight.Shape[0], bias is not null))
        : throw new UnreadableScriptException("a linear layer works on one dimension of several");

    private static BatchNorm2d BatchNorm(Arguments a)
    {
        if (a.At(5, "training", false))
            throw new UnreadableScriptException("its BatchNorm always uses the batch's statistics: trace the model after eval()");
        if (a.Flow(0).Shape.Length != 3 || a.Optional(1) is not { } weight || a.Optional(2) is not { } bias
            || a.Optional(3) is not { } mean || a.Optional(4) is not { } variance)
            throw Unknown("a BatchNorm without parameters, without running statistics or of something other than images");
        var owner = Owner(weight, bias, "a BatchNorm");
        if (mean.Name != owner + ".running_mean" || variance.Name != owner + ".running_var")
            throw new UnreadableScriptException($"the running statistics of {owner} have other names");
        return new(owner, (int)weight.Shape[0], a.Number(7, "eps", 1e-5), a.Number(6, "momentum", 0.1));
    }

    private static MaxPool2d MaxPool(Arguments a)
    {
        if (a.Square(4, "dilation", 1) != 1 || a.At(5, "ceil_mode", false))
            throw Unknown("a max pooling with dilation or ceil_mode");
        var kernel = a.Square(1, "kernel_size", 0);
        return new(kernel, a.Square(2, "stride", kernel), a.Square(3, "padding", 0));
    }

    private static AvgPool2d AvgPool(Arguments a)
    {
        var padding = a.Square(3, "padding", 0);
        if (a.At(4, "ceil_mode", false) || padding > 0 && !a.At(5, "count_include_pad", true) 
            || a.At<object?>(6, "divisor_override", null) is not null)
            throw Unknown("an average pooling with ceil_mode, a divisor or padding that does not count");
        var kernel = a.Square(1, "kernel_size", 0);
        return new(kernel, a.Square(2, "stride", kernel), padding);
    }

    private static Flow AdaptivePool(Arguments a)
    {
        var flow = a.Flow(0);
        if (flow.Shape.Length == 3 && Longs(a.At<object?>(1, "output_size", null)) is [var height, var width])
        {
            if ((height, width) == (flow.Shape[1], flow.Shape[2]))
                return flow;
            if ((height, width) == (1, 1))
                return flow.Then(new GlobalAvgPool2d());
        }
        throw Unknown("an adaptive pooling to more than one pixel");
    }

    private static Flow Mean(Arguments a)
    {
        var flow = a.Flow(0);
        var dimensions = Longs(a.At<object?>(1, "dim", null)).Select(dimension => dimension < 0 ? dimension + 4 : dimension).Order();
        if (flow.Shape.Length != 3 || !dimensions.SequenceEqual([2L, 3L]) || a.At<object?>(3, "dtype", null) is not null)
            throw Unknown("a mean over anything but height and width");
        var pooled = flow.Then(new GlobalAvgPool2d());
        return a.At(2, "keepdim", false) ? pooled : pooled.Then(new Flatten());
    }

    private static Flow Flattened(Flow flow, long start, long end)
    {
        var last = flow.Shape.Length;
        if (start != 1 || (end < 0 ? end + last + 1 : end) != last)
            throw Unknown("a flatten of anything but all but the batch");
        return flow.Shape.Length == 1 ? flow : flow.Then(new Flatten());
    }

    private static Flow Reshaped(Flow flow, long[] sizes)
    {
        var count = flow.Shape.Aggregate(1L, (product, size) => product * size);
        if (sizes.SequenceEqual([Batch, .. flow.Shape]) || sizes.SequenceEqual([-1, .. flow.Shape]))
            return flow;
        var isFlat = sizes is [var batch, var features]
            && (batch == Batch && (features == -1 || features == count) || batch == -1 && features == count);
        return isFlat ? flow.Shape.Length == 1 ? flow : flow.Then(new Flatten())
            : throw new UnreadableScriptException($"it reshapes to [{string.Join(",", sizes)}], not one row per image");
    }

    private static object Slice(Arguments a)
    {
        var (dimension, step) = (a.At(1, "dim", 0L), a.At(4, "step", 1L));
        var (start, end) = (a.At<object?>(2, "start", null), a.At<object?>(3, "end", null));
        if (start is not (null or 0L) || end is not (null or long.MaxValue))
            throw Unknown("a slice that leaves a border out");
        var strided = a.Positional[0] as Strided ?? new Strided(a.Flow(0), 1, 1);
        if (strided.Flow.Shape.Length != 3)
            throw Unknown("a slice of anything but images");
        return (dimension, step) switch
        {
            (_, 1) => a.Positional[0]!,
            (2 or -2, > 1) => strided with { Rows = strided.Rows * step },
            (3 or -1, > 1) => strided with { Columns = strided.Columns * step },
            _ => throw Unknown("a slice of batch or channels"),
        };
    }

    private static Flow Pad(Arguments a)
    {
        var strided = a.Positional[0] as Strided ?? new Strided(a.Flow(0), 1, 1);
        var zero = a.Name == "pad"
            ? a.At(2, "mode", "constant") == "constant" && a.Number(3, "value", 0) == 0
            : a.Number(2, "value", 0) == 0;
        return zero && strided.Rows == strided.Columns && strided.Flow.Shape.Length == 3
            && Longs(a.At<object?>(1, "pad", null)) is [0, 0, 0, 0, >= 0 and var before, >= 0 and var after]
            ? strided.Flow.Then(new PaddedShortcut((int)strided.Rows, (int)before, (int)after))
            : throw Unknown("a padding of anything but channels with zeros");
    }

    private Flow Dropout(Arguments a)
    {
        if (a.At(2, "train", false))
            throw new UnreadableScriptException("its dropout is always on: trace the model after eval()");
        notes.Add("The model has dropout: a client in train mode draws masks which the server does not know " +
            "(\"dropout-inversion\" looks for them).");
        var rate = a.Number(1, "p", 0.5);
        // Masks of whole channels and of alpha dropout are other ones; in eval mode all are the identity.
        return a.Name.StartsWith("dropout", StringComparison.Ordinal) && rate is > 0 and < 1
            ? a.Flow(0).Then(new Dropout($"dropout{dropouts++}", rate)) : a.Flow(0);
    }

    private static List<object?> Sizes(Flow flow) => [Batch, .. flow.Shape.Select(size => (object?)size)];

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

    private static List<object?> Slice(List<object?> list, Arguments a)
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

    private static long[] Longs(object? value) =>
        [.. List(value).Select(item => item as long?
            ?? throw new UnreadableScriptException("its code lists something other than whole numbers"))];

    /// <summary>The arguments of one call, by position or by name.</summary>
    private sealed record Arguments(string Name, object?[] Positional, Dictionary<string, object?> Named)
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

        public Flow Flow(int position) => position < Positional.Length && Positional[position] is Flow flow ? flow
            : throw new UnreadableScriptException($"{Name} is applied to something other than the image");

        public NamedTensor Tensor(int position) => Optional(position) ?? throw Unexpected("weight");

        public NamedTensor? Optional(int position) => position >= Positional.Length || Positional[position] is null ? null
            : Positional[position] as NamedTensor ?? throw Unexpected(FormattableString.Invariant($"tensor number {position}"));

        /// <summary>One number for height and width; an empty list means the default.</summary>
        public int Square(int position, string name, int missing) => At<object?>(position, name, null) switch
        {
            null or List<object?> { Count: 0 } => missing,
            long one => checked((int)one),
            List<object?> list when Longs(list) is var sizes && sizes.All(size => size == sizes[0]) => checked((int)sizes[0]),
            _ => throw new UnreadableScriptException($"the {name} of {Name} is not one number for height and width"),
        };

        private UnreadableScriptException Unexpected(string argument) => new($"{Name} has an unusual {argument}");
    }
}
