namespace Afterimage.Models.TorchScript;

/// <summary>TorchScript's operators on symbolic activations, which correspond to layers.</summary>
internal sealed class ScriptOperators
{
    /// <summary>The batch size that the script is told, a large prime, so that a reshape to another batch size is noticed.</summary>
    private const long Batch = 7919;

    private readonly List<string> notes = [];
    private readonly List<(Flow[] Parts, Flow Whole)> joined = [];
    private int dropouts;

    public ValueList<string> Notes => notes.Distinct().ToValueList();

    /// <summary>What a log-softmax was applied to; null where there is none. Nothing may be computed from it but the result.</summary>
    public Flow? Logits { get; private set; }

    public object? Apply(string name, object?[] positional, Dictionary<string, object?> named)
    {
        var arguments = new ScriptArguments(name, positional, named);
        return positional is [Flow or Strided, ..] or [List<object?> and [Flow, ..], ..] || name is "addmm"
            ? OnFlow(name, arguments) : ScriptValues.Apply(name, arguments);
    }

    private object? OnFlow(string name, ScriptArguments a) => name switch
    {
        "conv2d" => a.Flow(0).Then(Convolution(a, a.At(6, "groups", 1L))),
        "_convolution" when a.At<bool>(6, "transposed", false) => throw ScriptValues.Unknown("a transposed convolution"),
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
        "relu6" or "relu6_" => Activate(a, ActivationKind.ReLU6),
        "hardtanh" or "hardtanh_" when a.Number(1, "min_val", -1) == 0 && a.Number(2, "max_val", 1) == 6 =>
            Activate(a, ActivationKind.ReLU6),
        "hardsigmoid" or "hardsigmoid_" => Activate(a, ActivationKind.HardSigmoid),
        "hardswish" or "hardswish_" => Activate(a, ActivationKind.HardSwish),
        "elu" or "elu_" when a.Number(1, "alpha", 1) == 1 && a.Number(2, "scale", 1) == 1 && a.Number(3, "input_scale", 1) == 1 =>
            Activate(a, ActivationKind.Elu),
        "group_norm" => a.Flow(0).Then(GroupNorm(a)),
        "log_softmax" when a.Flow(0).Shape.Length == 1 && a.At(1, "dim", 1L) is 1 or -1 => LogSoftmax(a.Flow(0)),
        "cat" or "concat" when a.At(1, "dim", 0L) is 1 or -3 => Join([.. ScriptValues.List(a.Positional[0]).Cast<Flow>()]),
        "mul" or "mul_" => Flow.Multiply(a.Flow(0), a.Flow(1)),
        "append" or "len" or "slice" when a.Positional[0] is List<object?> => ScriptValues.Apply(name, a),
        "mean" => Mean(a),
        "flatten" => Flattened(a.Flow(0), a.At(1, "start_dim", 0L), a.At(2, "end_dim", -1L)),
        "view" or "reshape" => Reshaped(a.Flow(0), ScriptValues.Longs(a.At<object?>(1, "shape", null))),
        "add" or "add_" when a.Number(2, "alpha", 1) == 1 => Flow.Add(a.Flow(0), a.Flow(1)),
        "slice" => Slice(a),
        "pad" or "constant_pad_nd" => Pad(a),
        "dropout" or "dropout_" or "feature_dropout" or "feature_dropout_" or "alpha_dropout" => Dropout(a),
        "contiguous" => a.Flow(0),
        "size" when a.Positional is [Flow flow, long dimension] => ScriptValues.Item(Sizes(flow), dimension),
        "size" => Sizes(a.Flow(0)),
        "dim" or "ndimension" => (long)a.Flow(0).Shape.Length + 1,
        "__is__" => a.Positional[1] is null ? false : throw ScriptValues.Unknown(name),
        "__isnot__" => a.Positional[1] is null ? true : throw ScriptValues.Unknown(name),
        _ => throw ScriptValues.Unknown(name),
    };

    private static Flow Activate(ScriptArguments a, ActivationKind kind) => a.Flow(0).Then(new Activation(kind));

    /// <summary>The name X of a layer with the parameters X.weight and X.bias; other names are not supported.</summary>
    private static string Owner(NamedTensor weight, NamedTensor? bias, string operation)
    {
        const string Suffix = ".weight";
        var owner = weight.Name.EndsWith(Suffix, StringComparison.Ordinal) ? weight.Name[..^Suffix.Length] : null;
        return owner is not null && (bias is null || bias.Name == owner + ".bias") ? owner
            : throw new UnreadableScriptException($"the parameters of {operation} are named {weight.Name} and {bias?.Name ?? "nothing"}, " +
                "not X.weight and X.bias");
    }

    private static Conv2d Convolution(ScriptArguments a, long groups)
    {
        var (weight, bias) = (a.Tensor(1), a.Optional(2));
        if (weight.Shape is not [var output, var input, var height, var width] || height != width)
            throw ScriptValues.Unknown("a convolution with a window that is not square");
        if (a.Flow(0).Shape.Length != 3)
            throw ScriptValues.Unknown("a convolution of something other than images");
        return new(Owner(weight, bias, "a convolution"), (int)(input * groups), (int)output, (int)height,
            a.Square(3, "stride", 1), a.Square(4, "padding", 0), a.Square(5, "dilation", 1), (int)groups, bias is not null);
    }

    private static Flow Linear(Flow flow, NamedTensor weight, NamedTensor? bias) => flow.Shape.Length == 1
        ? flow.Then(new Linear(Owner(weight, bias, "a linear layer"), (int)weight.Shape[1], (int)weight.Shape[0], bias is not null))
        : throw new UnreadableScriptException("a linear layer works on one dimension of several");

    private static BatchNorm2d BatchNorm(ScriptArguments a)
    {
        if (a.At(5, "training", false))
            throw new UnreadableScriptException("its BatchNorm always uses the batch's statistics: trace the model after eval()");
        if (a.Flow(0).Shape.Length != 3 || a.Optional(1) is not { } weight || a.Optional(2) is not { } bias
            || a.Optional(3) is not { } mean || a.Optional(4) is not { } variance)
            throw ScriptValues.Unknown("a BatchNorm without parameters, without running statistics or of something other than images");
        var owner = Owner(weight, bias, "a BatchNorm");
        if (mean.Name != owner + ".running_mean" || variance.Name != owner + ".running_var")
            throw new UnreadableScriptException($"the running statistics of {owner} have other names");
        return new(owner, (int)weight.Shape[0], a.Number(7, "eps", 1e-5), a.Number(6, "momentum", 0.1));
    }

    private static GroupNorm GroupNorm(ScriptArguments a)
    {
        if (a.Optional(2) is not { } weight || a.Optional(3) is not { } bias)
            throw ScriptValues.Unknown("a GroupNorm without parameters");
        return new(Owner(weight, bias, "a GroupNorm"), (int)a.At(1, "num_groups", 1L), (int)weight.Shape[0], a.Number(4, "eps", 1e-5));
    }

    private Flow LogSoftmax(Flow logits)
    {
        notes.Add("The model ends in a log-softmax, so the negative log-likelihood of its outputs is the cross-entropy of its logits.");
        return Logits = logits;
    }

    /// <summary>Joins channels; what was joined before is one part of it, as in DenseNet, where every list goes on from the last.</summary>
    private Flow Join(Flow[] parts)
    {
        var (taken, before) = joined.Where(pair => pair.Parts.Length <= parts.Length
            && pair.Parts.Zip(parts).All(both => ReferenceEquals(both.First, both.Second)))
            .Select(pair => (pair.Parts.Length, pair.Whole)).DefaultIfEmpty((0, null!)).MaxBy(pair => pair.Item1);
        var whole = Flow.Join(taken == 0 ? parts : [before, .. parts[taken..]]);
        joined.Add((parts, whole));
        return whole;
    }

    private static MaxPool2d MaxPool(ScriptArguments a)
    {
        if (a.Square(4, "dilation", 1) != 1 || a.At(5, "ceil_mode", false))
            throw ScriptValues.Unknown("a max pooling with dilation or ceil_mode");
        var kernel = a.Square(1, "kernel_size", 0);
        return new(kernel, a.Square(2, "stride", kernel), a.Square(3, "padding", 0));
    }

    private static AvgPool2d AvgPool(ScriptArguments a)
    {
        var padding = a.Square(3, "padding", 0);
        if (a.At(4, "ceil_mode", false) || padding > 0 && !a.At(5, "count_include_pad", true) 
            || a.At<object?>(6, "divisor_override", null) is not null)
            throw ScriptValues.Unknown("an average pooling with ceil_mode, a divisor or padding that does not count");
        var kernel = a.Square(1, "kernel_size", 0);
        return new(kernel, a.Square(2, "stride", kernel), padding);
    }

    private static Flow AdaptivePool(ScriptArguments a)
    {
        var flow = a.Flow(0);
        if (flow.Shape.Length != 3)
            throw ScriptValues.Unknown("an adaptive pooling of anything but images");
        var asked = a.At<object?>(1, "output_size", null);
        var size = asked is long one ? [one, one]
            : ScriptValues.List(asked).Select((item, at) => item as long? ?? flow.Shape[1 + at % 2]).ToArray();
        return size is not [var height, var width]
            ? throw ScriptValues.Unknown("an adaptive pooling of other than two dimensions")
            : (height, width) == (flow.Shape[1], flow.Shape[2]) ? flow
            : (height, width) == (1, 1) ? flow.Then(new GlobalAvgPool2d())
            : flow.Then(new AdaptiveAvgPool2d(checked((int)height), checked((int)width)));
    }

    private static Flow Mean(ScriptArguments a)
    {
        var flow = a.Flow(0);
        var dimensions = ScriptValues.Longs(a.At<object?>(1, "dim", null))
            .Select(dimension => dimension < 0 ? dimension + 4 : dimension).Order();
        if (flow.Shape.Length != 3 || !dimensions.SequenceEqual([2L, 3L]) || a.At<object?>(3, "dtype", null) is not null)
            throw ScriptValues.Unknown("a mean over anything but height and width");
        var pooled = flow.Then(new GlobalAvgPool2d());
        return a.At(2, "keepdim", false) ? pooled : pooled.Then(new Flatten());
    }

    private static Flow Flattened(Flow flow, long start, long end)
    {
        var last = flow.Shape.Length;
        if (start != 1 || (end < 0 ? end + last + 1 : end) != last)
            throw ScriptValues.Unknown("a flatten of anything but all but the batch");
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

    private static object Slice(ScriptArguments a)
    {
        var (dimension, step) = (a.At(1, "dim", 0L), a.At(4, "step", 1L));
        var (start, end) = (a.At<object?>(2, "start", null), a.At<object?>(3, "end", null));
        if (start is not (null or 0L) || end is not (null or long.MaxValue))
            throw ScriptValues.Unknown("a slice that leaves a border out");
        var strided = a.Positional[0] as Strided ?? new Strided(a.Flow(0), 1, 1);
        if (strided.Flow.Shape.Length != 3)
            throw ScriptValues.Unknown("a slice of anything but images");
        return (dimension, step) switch
        {
            (_, 1) => a.Positional[0]!,
            (2 or -2, > 1) => strided with { Rows = strided.Rows * step },
            (3 or -1, > 1) => strided with { Columns = strided.Columns * step },
            _ => throw ScriptValues.Unknown("a slice of batch or channels"),
        };
    }

    private static Flow Pad(ScriptArguments a)
    {
        var strided = a.Positional[0] as Strided ?? new Strided(a.Flow(0), 1, 1);
        var zero = a.Name == "pad"
            ? a.At(2, "mode", "constant") == "constant" && a.Number(3, "value", 0) == 0
            : a.Number(2, "value", 0) == 0;
        return zero && strided.Rows == strided.Columns && strided.Flow.Shape.Length == 3
            && ScriptValues.Longs(a.At<object?>(1, "pad", null)) is [0, 0, 0, 0, >= 0 and var before, >= 0 and var after]
            ? strided.Flow.Then(new PaddedShortcut((int)strided.Rows, (int)before, (int)after))
            : throw ScriptValues.Unknown("a padding of anything but channels with zeros");
    }

    private Flow Dropout(ScriptArguments a)
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
}
