namespace Afterimage.Models;

/// <summary>A summary of a model for a person who plans an attack: its layers, its head, and what such an architecture leaks.</summary>
/// <param name="Name">What the caller calls the model.</param>
/// <param name="Input">Shape of one image.</param>
/// <param name="Classes">Outputs of the head.</param>
/// <param name="Layers">In order; for a script, whose graph is unknown, one row without a shape for each parameter.</param>
/// <param name="ParameterCount">Numbers in one gradient.</param>
/// <param name="HasBatchNorm">Whether running statistics exist.</param>
/// <param name="Activations">Each kind once.</param>
/// <param name="Head">The names of the last linear layer's weight and, if it has one, bias.</param>
/// <param name="IsSmooth">Whether second derivatives are continuous, which quasi-Newton solvers count on; null for a script.</param>
/// <param name="Hints">What this architecture gives away, one sentence each.</param>
/// <param name="Notes">What was found out while the model was opened.</param>
public sealed record ModelCard(string Name, ImageShape Input, int Classes, ValueList<LayerCard> Layers, long ParameterCount,
    bool HasBatchNorm, ValueList<ActivationKind> Activations, (string Weight, string? Bias)? Head, bool? IsSmooth,
    ValueList<string> Hints, ValueList<string> Notes)
{
    private static readonly ActivationKind[] Kinked = [ActivationKind.ReLU, ActivationKind.LeakyReLU, ActivationKind.SoftGateLeakyReLU,
        ActivationKind.ReLU6, ActivationKind.HardSigmoid, ActivationKind.HardSwish];

    /// <summary>The card of an open model.</summary>
    public static ModelCard Of(VictimModel model, string name)
    {
        var layers = model.Network is { } network ? Rows(network) : Unordered(model.Layout);
        var all = model.Network is { } known ? known.Layers.SelectMany(layer => layer.Within).ToList() : [];
        var activations = all.OfType<Activation>().Select(layer => layer.Kind).Distinct().ToValueList();
        var hasBatchNorm = model.Buffers.Keys.Any(buffer => buffer.EndsWith("running_mean", StringComparison.Ordinal));
        (string, string?)? head = model.Head is var (weight, bias)
            ? (model.Layout.Entries[weight].Name, bias is { } place ? model.Layout.Entries[place].Name : null)
            : null;
        bool? isSmooth = all.Count == 0 ? null
            : !all.OfType<MaxPool2d>().Any() && !activations.Any(Kinked.Contains);
        return new(name, model.Input, model.Classes, layers, model.Layout.Count, hasBatchNorm, activations, head, isSmooth,
            Hint(model, all, hasBatchNorm, isSmooth).ToValueList(), model.Notes);
    }

    private static IEnumerable<string> Hint(VictimModel model, List<Layer> layers, bool hasBatchNorm, bool? isSmooth)
    {
        if (layers.FirstOrDefault(layer => layer is not Flatten) is Linear { Bias: true })
            yield return "The first layer is linear with a bias: the bias attack is exact at batch 1, " +
                "and for every unit that only one image of a batch activates.";
        yield return model.Head switch
        {
            null => "No final linear layer was found: labels cannot be read from its gradient.",
            (_, null) => "The head has no bias: labels show only in the signs of its weight gradient.",
            _ => "The head has a bias: the signs of its gradient name the labels that a batch holds once.",
        };
        var ratio = (double)model.Layout.Count / model.Input.Count;
        yield return FormattableString.Invariant($"A gradient has {ratio:0.#} numbers for every number of an image") + (ratio < 1
            ? ": it cannot determine an image by itself, so priors decide."
            : $": counting alone would allow batches of {Math.Floor(ratio):0}, dead units and symmetries less.");
        if (isSmooth is { } smooth)
            yield return smooth
                ? "Everything is smooth: L-BFGS on the gradient distance works (Deep Leakage from Gradients)."
                : "ReLU or max pooling makes the gradient jump with the image: " +
                  "prefer first-order solvers and the cosine distance (Inverting Gradients).";
        if (hasBatchNorm)
            yield return "BatchNorm in train mode mixes the images of a batch through its statistics; " +
                "sent along, they help an attack, and unknown, they hinder it.";
    }

    private static ValueList<LayerCard> Rows(Network network)
    {
        var rows = new List<LayerCard>();
        Walk(network.Layers, [network.Input.Channels, network.Input.Height, network.Input.Width], 0, rows);
        return rows.ToValueList();
    }

    private static void Walk(ValueList<Layer> layers, long[] shape, int depth, List<LayerCard> rows)
    {
        foreach (var layer in layers)
        {
            var after = layer.Follow(shape);
            var own = layer.Branches.Any() ? [] : layer.Parameters.Select(spec => new ParameterCard(spec.Name, spec.Shape));
            rows.Add(new(Kind(layer), depth, after.ToValueList(), own.ToValueList()));
            foreach (var branch in layer.Branches)
                Walk(branch, shape, depth + 1, rows);
            shape = after;
        }
    }

    private static ValueList<LayerCard> Unordered(TensorLayout layout) => layout.Entries
        .Select(entry => new LayerCard("parameter", 0, [], [new(entry.Name, entry.Shape.ToValueList())])).ToValueList();

    private static string Kind(Layer layer) => layer switch
    {
        Linear => "linear",
        Conv2d conv => $"conv {conv.Kernel}x{conv.Kernel}" + (conv.Stride > 1 ? $" stride {conv.Stride}" : ""),
        BatchNorm2d => "batch norm",
        Activation activation => activation.Kind.ToString(),
        AvgPool2d pool => $"average pool {pool.Kernel}x{pool.Kernel}",
        MaxPool2d pool => $"max pool {pool.Kernel}x{pool.Kernel}",
        GlobalAvgPool2d => "global average pool",
        Flatten => "flatten",
        Dropout dropout => FormattableString.Invariant($"dropout {dropout.Rate:0.##}"),
        PaddedShortcut => "subsample and pad channels",
        GroupNorm norm => norm.Groups == norm.Channels ? "instance norm" : $"group norm, {norm.Groups} groups",
        LayerNorm => "layer norm",
        LayerScale => "layer scale",
        PositionalEmbedding => "positional embedding",
        ClassToken => "class token",
        ImageToTokens => "pixels as tokens",
        TokensToImage => "tokens as pixels",
        TokenRange { Count: 1 } range => $"token {range.First}",
        TokenRange range => $"tokens {range.First} to {range.First + range.Count - 1}",
        TokenMean => "mean of tokens",
        Attention attention => $"attention, {attention.Heads} heads",
        AdaptiveAvgPool2d pool => $"adaptive average pool to {pool.Height}x{pool.Width}",
        Residual => "residual",
        Concatenation => "concatenation",
        Scaled => "times a factor",
        _ => layer.GetType().Name,
    };
}

/// <summary>One layer of a <see cref="ModelCard"/>.</summary>
/// <param name="Kind">Its kind in words.</param>
/// <param name="Depth">How many residuals it lies in.</param>
/// <param name="Output">Shape of its output, [C,H,W] or [features]; empty where it is unknown.</param>
/// <param name="Parameters">Its parameters; none for a residual, whose layers have their own rows.</param>
public sealed record LayerCard(string Kind, int Depth, ValueList<long> Output, ValueList<ParameterCard> Parameters);

/// <summary>One parameter of a <see cref="LayerCard"/>.</summary>
/// <param name="Name">PyTorch's name.</param>
/// <param name="Shape">Its shape.</param>
public sealed record ParameterCard(string Name, ValueList<long> Shape)
{
    /// <summary>How many numbers it has.</summary>
    public long Count => Shape.Aggregate(1L, (product, size) => product * size);
}
