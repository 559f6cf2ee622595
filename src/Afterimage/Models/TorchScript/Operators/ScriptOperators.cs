namespace Afterimage.Models.TorchScript;

/// <summary>TorchScript's operators on symbolic activations, which correspond to layers.</summary>
internal sealed class ScriptOperators
{
    /// <summary>The batch size that the script is told, a large prime, so that a reshape to another batch size is noticed.</summary>
    internal const long Batch = 7919;

    private readonly List<string> notes = [];
    private readonly List<(Flow[] Parts, Flow Whole)> joined = [];
    private int dropouts;

    public ValueList<string> Notes => notes.Distinct().ToValueList();

    /// <summary>What a log-softmax was applied to; null where there is none. Nothing may be computed from it but the result.</summary>
    public Flow? Logits { get; private set; }

    public object? Apply(string name, object?[] positional, Dictionary<string, object?> named)
    {
        var a = new ScriptArguments(name, positional, named);
        return positional switch
        {
            [UnusedWeights, ..] => positional[0],
            [Scores scores, ..] => ScriptAttention.On(scores, a),
            _ when name.StartsWith("ops.prim.", StringComparison.Ordinal) => ScriptValues.Apply(name, a),
            [List<object?> parts, ..] when name is "cat" or "concat" && parts.Any(part => part is Flow or View) =>
                Join(parts, a.At(1, "dim", 0L)),
            [View view, ..] => OnView(name, view, a),
            [Flow or Strided, ..] => OnFlow(name, a),
            [NamedTensor parameter, Flow or View, ..] when name is "mul" or "add" =>
                ScriptArrangement.Learned(name, parameter, a.View(1)),
            _ when name is "addmm" => OnFlow(name, a),
            _ => ScriptValues.Apply(name, a),
        };
    }

    /// <summary>Notes what a module does in train mode and its code in eval mode does not show.</summary>
    public void See(PickledObject module)
    {
        if (module.Type.Contains(".StochasticDepth", StringComparison.Ordinal)
            || module.Type.Contains(".DropPath", StringComparison.Ordinal))
            notes.Add("The model has stochastic depth: a client in train mode leaves branches out at random, which is not simulated.");
    }

    /// <summary>On an activation whose dimensions were reordered, split or cut.</summary>
    private object? OnView(string name, View view, ScriptArguments a) =>
        ScriptArrangement.Of(name, view, a) is var found && found != ScriptArrangement.Unknown ? found
        : view.Settled() is { } flow ? OnFlow(name, a with { Positional = [flow, .. a.Positional[1..]] })
        : ScriptLayers.Elementwise(a) is { } layer ? view.Mapped(layer).Reading()
        : name is "dropout" or "dropout_" && Masked(a) is { } dropout ? view.Mapped(dropout).Reading()
        : throw view.Unusual(name);

    private object? OnFlow(string name, ScriptArguments a) => name switch
    {
        "conv2d" => a.Flow(0).Then(ScriptLayers.Convolution(a, a.At(6, "groups", 1L))),
        "_convolution" when a.At<bool>(6, "transposed", false) => throw ScriptValues.Unknown("a transposed convolution"),
        "_convolution" => a.Flow(0).Then(ScriptLayers.Convolution(a, a.At(8, "groups", 1L))),
        "linear" => ScriptLayers.Linear(View.Of(a.Flow(0)), a.Tensor(1), a.Optional(2)).Reading(),
        "addmm" when a.Positional is [NamedTensor bias, Flow or View, NamedTensor { IsTransposed: true } weight, ..] =>
            ScriptLayers.Linear(a.View(1), weight, bias).Reading(),
        "matmul" when a.Positional is [Flow flow, NamedTensor { IsTransposed: true } weight] =>
            ScriptLayers.Linear(View.Of(flow), weight, null).Reading(),
        "matmul" or "bmm" when a.Positional is [Flow, Flow or View] => ScriptAttention.Product(a.View(0), a.View(1)),
        "scaled_dot_product_attention" => ScriptAttention.Fused(a).Reading(),
        "_native_multi_head_attention" => ScriptAttention.Native(a),
        "_transformer_encoder_layer_fwd" => ScriptAttention.NativeEncoder(a),
        "layer_norm" => a.Flow(0).Then(ScriptLayers.LayerNorm(a)),
        "instance_norm" => a.Flow(0).Then(ScriptLayers.InstanceNorm(a)),
        "batch_norm" => a.Flow(0).Then(ScriptLayers.BatchNorm(a)),
        "max_pool2d" => a.Flow(0).Then(ScriptLayers.MaxPool(a)),
        "avg_pool2d" => a.Flow(0).Then(ScriptLayers.AvgPool(a)),
        "adaptive_avg_pool2d" => AdaptivePool(a),
        "group_norm" => a.Flow(0).Then(ScriptLayers.GroupNorm(a)),
        "log_softmax" when a.Flow(0).Shape.Length == 1 && a.At(1, "dim", 1L) is 1 or -1 => LogSoftmax(a.Flow(0)),
        "mul" or "mul_" when a.Positional[1] is Flow or View => Flow.Multiply(a.Flow(0), a.Flow(1)),
        "mean" when a.Flow(0).Shape.Length == 3 => Mean(a),
        "add" or "add_" when a.Number(2, "alpha", 1) == 1 && a.Positional[1] is Flow => Flow.Add(a.Flow(0), a.Flow(1)),
        "slice" when a.Positional[0] is Strided or Flow { Shape.Length: not 2 } => Slice(a),
        "pad" or "constant_pad_nd" => Pad(a),
        "dropout" or "dropout_" or "feature_dropout" or "feature_dropout_" or "alpha_dropout" => Dropout(a),
        "__is__" or "__isnot__" => ScriptArrangement.Same(name, a.Flow(0), a),
        _ when a.Positional[0] is Flow flow && ScriptArrangement.Of(name, View.Of(flow), a) is var found
            && found != ScriptArrangement.Unknown =>
            found is View view && view.Settled() == flow ? flow : found,
        _ when a.Positional[0] is Flow && ScriptLayers.Elementwise(a) is { } layer => a.Flow(0).Then(layer),
        _ => throw ScriptValues.Unknown(name),
    };

    private Flow LogSoftmax(Flow logits)
    {
        notes.Add("The model ends in a log-softmax, so the negative log-likelihood of its outputs is the cross-entropy of its logits.");
        return Logits = logits;
    }

    /// <summary>Channels of images or features of tokens side by side, or learned tokens in front of others.</summary>
    private Flow Join(List<object?> parts, long dimension)
    {
        var learned = parts.TakeWhile(part => part is NamedTensor).Cast<NamedTensor>().ToArray();
        var flows = parts.Skip(learned.Length).Select(part => part as Flow ?? (part as View)?.Settled()
            ?? throw new UnreadableScriptException("it concatenates something other than activations in a usual order")).ToArray();
        var rank = flows[0].Shape.Length;
        var place = dimension < 0 ? dimension + rank + 1 : dimension;
        if (learned.Length == 0 && place == (rank == 2 ? 2 : 1))
            return Join(flows);
        if (flows.Length > 1 || rank != 2 || place != 1 || !learned.All(token => token.IsRepeated))
            throw ScriptValues.Unknown("a concatenation of anything but channels, features or learned tokens in front of others");
        return learned.Reverse().Aggregate(flows[0], (flow, token) => flow.Then(new ClassToken(token.Name, token.Shape.ToValueList())));
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

    private Flow Dropout(ScriptArguments a) => Masked(a) is { } dropout ? a.Flow(0).Then(dropout) : a.Flow(0);

    /// <summary>The layer of a dropout; null where it does nothing or draws masks of another kind.</summary>
    private Dropout? Masked(ScriptArguments a)
    {
        if (a.At(2, "train", false))
            throw new UnreadableScriptException("its dropout is always on: trace the model after eval()");
        var rate = a.Number(1, "p", 0.5);
        if (rate == 0)
            return null;
        notes.Add("The model has dropout: a client in train mode draws masks which the server does not know " +
            "(\"dropout-inversion\" looks for them).");
        // Masks of whole channels and of alpha dropout are other ones; in eval mode all are the identity.
        return a.Name.StartsWith("dropout", StringComparison.Ordinal) && rate is > 0 and < 1 ? new($"dropout{dropouts++}", rate) : null;
    }
}
