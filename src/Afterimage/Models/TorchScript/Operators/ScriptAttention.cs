namespace Afterimage.Models.TorchScript;

/// <summary>Scaled dot products of queries with keys, and behind a softmax the weights of an attention.</summary>
internal sealed record Scores(HeadView Queries, HeadView Keys, double Scale, bool IsNormalized = false);

/// <summary>The weights of an attention that a module returns beside its result; nothing may be computed from them.</summary>
internal sealed record UnusedWeights;

/// <summary>Attention as PyTorch's module and hand-written modules compute it.</summary>
internal static class ScriptAttention
{
    /// <summary>The matrix product of two activations: of queries with keys, or of weights with values.</summary>
    public static object Product(object? left, View right) => left switch
    {
        Scores { IsNormalized: true } weights => Result(weights, Values(right)),
        View view => view.Heads() is { } queries && right.Heads(transposed: true) is { } keys && queries.IsLike(keys)
            ? new Scores(queries, keys, view.Factor * right.Factor) : throw Unusual("queries and keys"),
        _ => throw new UnreadableScriptException("it multiplies matrices of activations that are no attention"),
    };

    /// <summary>An operator on scores or weights.</summary>
    public static object? On(Scores scores, ScriptArguments a) => a.Name switch
    {
        "mul" or "mul_" when Number(a) is { } factor && !scores.IsNormalized => scores with { Scale = scores.Scale * factor },
        "div" or "div_" when Number(a) is { } divisor && !scores.IsNormalized => scores with { Scale = scores.Scale / divisor },
        "softmax" when !scores.IsNormalized && a.At(1, "dim", 0L) is var dimension
            && (dimension == -1 || dimension == scores.Queries.Front.Length + 1) => scores with { IsNormalized = true },
        "matmul" or "bmm" when a.Positional[1] is Flow or View => Product(scores, a.View(1)),
        "contiguous" or "to" or "type_as" => scores,
        "dropout" or "dropout_" when !a.At(2, "train", false) => scores,
        "view" or "reshape" or "sum" or "mean" or "detach" when scores.IsNormalized => new UnusedWeights(),
        "__is__" or "__isnot__" when a.Positional[1] is null => a.Name == "__isnot__",
        "add" or "add_" or "masked_fill" or "masked_fill_" or "baddbmm" =>
            throw new UnreadableScriptException("it adds a mask or a bias to the scores of an attention"),
        _ => throw new UnreadableScriptException($"it applies {a.Name} to the scores of an attention"),
    };

    private static double? Number(ScriptArguments a) => a.Positional is [_, long or double, ..] ? a.Number(1, "other", 1) : null;

    /// <summary>torch.scaled_dot_product_attention(query, key, value, attn_mask, dropout_p, is_causal, scale).</summary>
    public static View Fused(ScriptArguments a)
    {
        if (a.At<object?>(3, "attn_mask", null) is not null || a.At(5, "is_causal", false))
            throw new UnreadableScriptException("it masks an attention");
        var (query, key) = (a.View(0), a.View(1));
        var (queries, keys) = (query.Heads() ?? throw Unusual("queries"), key.Heads() ?? throw Unusual("keys"));
        if (!queries.IsLike(keys))
            throw Unusual("queries and keys");
        var scale = a.Number(6, "scale", 1 / Math.Sqrt(queries.Width)) * query.Factor * key.Factor;
        return Result(new(queries, keys, scale, true), Values(a.View(2)));
    }

    private static HeadView Values(View view) => (view.Factor == 1 ? view.Heads() : null) ?? throw Unusual("values");

    private static View Result(Scores weights, HeadView values)
    {
        var (queries, keys) = (weights.Queries, weights.Keys);
        if (!queries.IsLike(values))
            throw Unusual("values");
        var packed = Packed([queries, keys, values], queries.Count * queries.Width);
        return View.OfHeads(packed.Then(new Attention(queries.Count, weights.Scale)), queries);
    }

    /// <summary>Queries, keys and values side by side, out of one, two or three activations.</summary>
    private static Flow Packed(HeadView[] heads, long width)
    {
        var flows = heads.Select(head => head.Flow).Distinct<Flow>(ReferenceEqualityComparer.Instance).ToArray();
        var blocks = heads.Select(head => (Array.IndexOf(flows, head.Flow), head.Block));
        var expected = flows.SelectMany((flow, i) => Enumerable.Range(0, (int)(flow.Shape[1] / width)).Select(block => (i, (long)block)));
        return !blocks.SequenceEqual(expected) ? throw Unusual("queries, keys and values")
            : flows.Length == 1 ? flows[0] : Flow.Join(flows);
    }

    /// <summary>
    /// What nn.MultiheadAttention was traced to without gradients: query, key, value, width, heads, the projection's weight and bias, those
    /// of the output, and a mask.
    /// </summary>
    public static List<object?> Native(ScriptArguments a) =>
        ReferenceEquals(a.Positional[0], a.Positional[1]) && ReferenceEquals(a.Positional[1], a.Positional[2])
            && a.At<object?>(9, "mask", null) is null
            ? [SelfAttention(a, a.Flow(0), 4), null]
            : throw new UnreadableScriptException("it masks an attention, or its queries are others than its keys");

    /// <param name="a">The arguments.</param>
    /// <param name="flow">Tokens.</param>
    /// <param name="heads">Place of the number of heads, behind which four parameters follow.</param>
    private static Flow SelfAttention(ScriptArguments a, Flow flow, int heads)
    {
        var count = checked((int)a.At(heads, "num_heads", 1L));
        var packed = ScriptLayers.Linear(View.Of(flow), a.Tensor(heads + 1), a.Optional(heads + 2)).Settled()!;
        var attended = packed.Then(new Attention(count, 1 / Math.Sqrt(packed.Shape[1] / 3 / count)));
        return ScriptLayers.Linear(View.Of(attended), a.Tensor(heads + 3), a.Optional(heads + 4)).Settled()!;
    }

    /// <summary>
    /// What nn.TransformerEncoderLayer was traced to without gradients: tokens, width, heads, the attention's four parameters, whether
    /// GELU, whether normalized first, epsilon, then weights and biases of two LayerNorms and two linear layers, and a mask.
    /// </summary>
    public static Flow NativeEncoder(ScriptArguments a)
    {
        if (a.At<object?>(18, "mask", null) is not null)
            throw new UnreadableScriptException("it masks an attention");
        var (flow, isFirst, epsilon) = (a.Flow(0), a.At(8, "norm_first", false), a.Number(9, "eps", 1e-5));
        LayerNorm Norm(int at) => ScriptLayers.LayerNorm(a.Tensor(at), a.Optional(at + 1), [flow.Shape[^1]], epsilon);
        Flow Dense(Flow from, int at) => ScriptLayers.Linear(View.Of(from), a.Tensor(at), a.Optional(at + 1)).Settled()!;
        Flow Hidden(Flow from) => Dense(Dense(from, 14).Then(new Activation(a.At(7, "use_gelu", false) ? ActivationKind.Gelu
            : ActivationKind.ReLU)), 16);
        var attended = Flow.Add(flow, SelfAttention(a, isFirst ? flow.Then(Norm(10)) : flow, 2));
        if (!isFirst)
            attended = attended.Then(Norm(10));
        var result = Flow.Add(attended, Hidden(isFirst ? attended.Then(Norm(12)) : attended));
        return isFirst ? result : result.Then(Norm(12));
    }

    private static UnreadableScriptException Unusual(string what) =>
        new($"the {what} of an attention do not stand one head after the other for all tokens");
}
