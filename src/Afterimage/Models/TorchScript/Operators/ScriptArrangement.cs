namespace Afterimage.Models.TorchScript;

/// <summary>Operators that reorder, split, join or cut the dimensions of an activation, and what works on the last of them.</summary>
internal static class ScriptArrangement
{
    /// <summary>The operator is none of these.</summary>
    public static readonly object Unknown = new();

    /// <summary>What an operator on dimensions makes of a view, or <see cref="Unknown"/>.</summary>
    public static object? Of(string name, View view, ScriptArguments a) => name switch
    {
        "linear" => ScriptLayers.Linear(view, a.Tensor(1), a.Optional(2)).Reading(),
        "matmul" when a.Positional is [_, NamedTensor { IsTransposed: true } weight] => ScriptLayers.Linear(view, weight, null).Reading(),
        "matmul" or "bmm" => ScriptAttention.Product(view, a.View(1)),
        "layer_norm" when ScriptValues.Longs(a.At<object?>(1, "normalized_shape", null)) is [_] =>
            view.Then(ScriptLayers.LayerNorm(a), "a LayerNorm").Reading(),
        "scaled_dot_product_attention" => ScriptAttention.Fused(a).Reading(),
        "mul" or "mul_" when a.Positional[1] is long or double => view.Times(a.Number(1, "other", 1)),
        "div" or "div_" when a.Positional[1] is long or double => view.Times(1 / a.Number(1, "other", 1)),
        "mul" or "mul_" or "add" or "add_" when a.Positional[1] is NamedTensor parameter => Learned(name, parameter, view),
        "add" or "add_" when a.Number(2, "alpha", 1) == 1 && a.Positional[1] is Flow or View => View.Add(view, a.View(1)),
        "transpose" or "swapaxes" => view.Transposed(a.At(1, "dim0", 0L), a.At(2, "dim1", 0L)).Reading(),
        "permute" => view.Permuted(ScriptValues.Longs(a.At<object?>(1, "dims", null))).Reading(),
        "view" or "reshape" => view.Reshaped(ScriptValues.Longs(a.At<object?>(1, "shape", null))).Reading(),
        "flatten" => view.Flattened(a.At(1, "start_dim", 0L), a.At(2, "end_dim", -1L)).Reading(),
        "select" => view.Selected(a.At(1, "dim", 0L), a.At(2, "index", 0L)).Reading(),
        "slice" => Cut(view, a).Reading(),
        "unsqueeze" => view.Unsqueezed(a.At(1, "dim", 0L)).Reading(),
        "squeeze" when a.Positional is [_, long dimension] => view.Squeezed(dimension).Reading(),
        "chunk" when a.At(2, "dim", 0L) is var dimension && a.At(1, "chunks", 1L) is var count && count > 0 =>
            view.Parts(dimension, (view.Sizes.At(dimension) + count - 1) / count),
        "split" when a.At<object?>(1, "split_size", null) is long size => view.Parts(a.At(2, "dim", 0L), size),
        "split" or "split_with_sizes" => Split(view, ScriptValues.Longs(a.At<object?>(1, "split_sizes", null)), a.At(2, "dim", 0L)),
        "unbind" => Unbind(view, a.At(1, "dim", 0L)),
        "mean" when a.At<object?>(3, "dtype", null) is null && !a.At(2, "keepdim", false) => view.Mean(
            a.At<object?>(1, "dim", null) is long one ? [one] : ScriptValues.Longs(a.At<object?>(1, "dim", null))),
        "size" when a.Positional is [_, long dimension] => view.Sizes.At(dimension),
        "size" => view.Sizes.Select(size => (object?)size).ToList(),
        "dim" or "ndimension" => (long)view.Sizes.Length,
        "contiguous" or "clone" or "is_floating_point" or "__is__" or "__isnot__" or "to" or "type_as" => Same(name, view, a),
        _ => Unknown,
    };

    /// <summary>What leaves an activation as it is, and questions about it.</summary>
    public static object? Same(string name, object value, ScriptArguments a) => name switch
    {
        "__is__" => ReferenceEquals(value, a.Positional[1]),
        "__isnot__" => !ReferenceEquals(value, a.Positional[1]),
        "is_floating_point" => true,
        _ => value,
    };

    private static View Cut(View view, ScriptArguments a)
    {
        var dimension = a.At(1, "dim", 0L);
        if (a.At(4, "step", 1L) != 1)
            throw ScriptValues.Unknown("a slice with a step of anything but an image");
        var size = view.Sizes.At(dimension);
        var from = Bound(a.At<object?>(2, "start", null) as long? ?? 0, size);
        return view.Narrowed(dimension, from, Bound(a.At<object?>(3, "end", null) as long? ?? size, size) - from);
    }

    private static long Bound(long index, long size) => Math.Clamp(index < 0 ? index + size : index, 0, size);

    private static List<object?> Split(View view, long[] sizes, long dimension)
    {
        var parts = new List<object?>();
        var from = 0L;
        foreach (var size in sizes)
        {
            parts.Add(view.Narrowed(dimension, from, size).Reading());
            from += size;
        }
        return parts;
    }

    private static List<object?> Unbind(View view, long dimension) =>
        [.. Enumerable.Range(0, (int)view.Sizes.At(dimension)).Select(i => view.Selected(dimension, i).Reading())];

    /// <summary>A learned factor or term.</summary>
    public static object Learned(string name, NamedTensor parameter, View view)
    {
        if (parameter.IsTransposed || parameter.IsRepeated)
            throw new UnreadableScriptException($"it combines {parameter.Name} in another order with an activation");
        var isFactor = name is "mul" or "mul_";
        Layer layer = isFactor ? new LayerScale(parameter.Name, parameter.Shape.ToValueList())
            : new PositionalEmbedding(parameter.Name, parameter.Shape.ToValueList());
        return view.Settled() is { } flow ? flow.Then(layer)
            : parameter.Shape.Count(size => size != 1) <= 1 && parameter.Shape is [.., > 1]
                ? view.Then(layer, isFactor ? "a learned factor" : "a learned term").Reading()
            : throw new UnreadableScriptException($"it combines {parameter.Name} with an activation in an order of dimensions that no " +
                "layer has");
    }
}
