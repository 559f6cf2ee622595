using static TorchSharp.torch.nn;

namespace Afterimage.Models;

/// <summary>A network of known layers with its own parameters, run through libtorch's functions.</summary>
public sealed class NetworkModel : VictimModel
{
    private readonly Tensor[] parameters;
    private readonly Dictionary<string, Tensor> buffers;
    private readonly Dictionary<string, int> places;
    private readonly Dictionary<string, (long From, long Count)> masked = [];

    // For one image whose gradient arrives transposed, as behind tokens, libtorch's derivatives of BatchNorm are wrong in every digit.
    private readonly bool transposes;

    /// <summary>A model of these layers and tensors.</summary>
    /// <param name="network">The layers.</param>
    /// <param name="normalization">What to do to images before the first layer.</param>
    /// <param name="parameters">One tensor for each parameter, in the network's order; the model takes ownership.</param>
    /// <param name="buffers">BatchNorm's running statistics by name; the model takes ownership.</param>
    /// <param name="notes">Remarks from opening the model.</param>
    /// <exception cref="AfterimageException">The layers do not fit one another, or a tensor does not fit its layer.</exception>
    public NetworkModel(Network network, Normalization normalization, Tensor[] parameters, Dictionary<string, Tensor> buffers,
        ValueList<string> notes = default)
        : base(network.Input, network.Classes, normalization, parameters[0].dtype, parameters[0].device)
    {
        (Network, Notes) = (network.Checked(), notes);
        Layout = network.Layout();
        transposes = network.Layers.SelectMany(layer => layer.Within).Any(layer => layer is ImageToTokens or TokensToImage);
        Check(parameters, buffers);
        places = Layout.Entries.Select((entry, place) => (entry.Name, place)).ToDictionary(pair => pair.Name, pair => pair.place);
        var from = 0L;
        foreach (var (dropout, shape) in network.Dropouts)
        {
            var count = shape.Aggregate(1L, (product, size) => product * size);
            if (!masked.TryAdd(dropout.Name, (from, count)))
                throw new AfterimageException($"Two dropouts are called {dropout.Name}: give each a name of its own.");
            from += count;
        }
        this.parameters = [.. parameters.Select(parameter => parameter.detach().requires_grad_().DetachFromDisposeScope())];
        this.buffers = buffers.ToDictionary(pair => pair.Key, pair => pair.Value.detach().DetachFromDisposeScope());
    }

    /// <inheritdoc/>
    public override Network Network { get; }

    /// <inheritdoc/>
    public override TensorLayout Layout { get; }

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Parameters => parameters;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, Tensor> Buffers => buffers;

    /// <inheritdoc/>
    public override VictimModel To(ScalarType type, Device device)
    {
        using var _ = NewDisposeScope();
        return new NetworkModel(Network, Normalization,
            [.. parameters.Select(parameter => parameter.detach().to(type, device, copy: true))],
            buffers.ToDictionary(pair => pair.Key, pair => pair.Value.to(type, device, copy: true)), Notes) { Frozen = Frozen };
    }

    /// <summary>Another network with the same parameters and buffers, which are copied; the caller owns it.</summary>
    internal NetworkModel With(Network network)
    {
        using var _ = NewDisposeScope();
        return new(network, Normalization, [.. parameters.Select(parameter => parameter.detach().clone())],
            buffers.ToDictionary(pair => pair.Key, pair => pair.Value.clone()), Notes) { Frozen = Frozen };
    }

    private void Check(Tensor[] given, Dictionary<string, Tensor> statistics)
    {
        if (given.Length != Layout.Entries.Count)
            throw new AfterimageException($"The network has {Layout.Entries.Count} parameters, but {given.Length} tensors are given.");
        foreach (var (entry, tensor) in Layout.Entries.Zip(given))
            Fits(entry.Name, entry.Shape, tensor);
        foreach (var spec in Network.Buffers)
            Fits(spec.Name, [.. spec.Shape], statistics.TryGetValue(spec.Name, out var found) ? found
                : throw new AfterimageException($"The network needs the buffer {spec.Name}, but it is not given."));
    }

    private static void Fits(string name, long[] shape, Tensor tensor)
    {
        if (!tensor.shape.SequenceEqual(shape))
            throw new AfterimageException($"{name} has shape [{string.Join(",", tensor.shape)}], " +
                $"but its layer needs [{string.Join(",", shape)}].");
    }

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor normalized, ModelMode mode, IReadOnlyList<Tensor>? parameters, Tensor? masks, Trace? trace)
    {
        var (images, units) = (normalized.shape[0], masked.Values.Sum(place => place.Count));
        return masks is null || (masks.shape is [var rows, var columns] && rows == images && columns == units)
            ? Run(Network.Layers, normalized, mode, parameters ?? this.parameters, masks, trace)
            : throw new AfterimageException($"Dropout masks for {images} images have shape [{images},{units}], not " +
                $"[{string.Join(",", masks.shape)}].");
    }

    private Tensor Run(ValueList<Layer> layers, Tensor x, ModelMode mode, IReadOnlyList<Tensor> values, Tensor? masks, Trace? trace)
    {
        foreach (var layer in layers)
        {
            trace?.See(layer, x);
            x = Apply(layer, x, mode, values, masks, trace);
        }
        return x;
    }

    private Tensor Apply(Layer layer, Tensor x, ModelMode mode, IReadOnlyList<Tensor> values, Tensor? masks, Trace? trace) => layer switch
    {
        Linear linear => functional.linear(x, values[places[linear.Name + linear.Separator + "weight"]],
            linear.Bias ? values[places[linear.Name + linear.Separator + "bias"]] : null),
        Conv2d conv => functional.conv2d(x, Weight(conv.Name, values), conv.Bias ? Bias(conv.Name, values) : null,
            [conv.Stride, conv.Stride], [conv.Padding, conv.Padding], [conv.Dilation, conv.Dilation], conv.Groups),
        BatchNorm2d norm => Normalize(norm, x, mode, Weight(norm.Name, values), Bias(norm.Name, values)),
        Activation activation => Activate(activation, x),
        AvgPool2d pool => functional.avg_pool2d(x, pool.Kernel, pool.Stride, pool.Padding),
        MaxPool2d pool => functional.max_pool2d(x, pool.Kernel, pool.Stride, pool.Padding),
        GlobalAvgPool2d => x.mean([2, 3], keepdim: true),
        Flatten => x.flatten(1),
        PaddedShortcut shortcut => functional.pad(x[TensorIndex.Colon, TensorIndex.Colon,
            TensorIndex.Slice(step: shortcut.Stride), TensorIndex.Slice(step: shortcut.Stride)],
            [0, 0, 0, 0, shortcut.ChannelsBefore, shortcut.ChannelsAfter]),
        Residual residual => Run(residual.Body, x, mode, values, masks, trace) + Run(residual.Shortcut, x, mode, values, masks, trace),
        GroupNorm norm => functional.group_norm(x, norm.Groups, norm.Affine ? Weight(norm.Name, values) : null,
            norm.Affine ? Bias(norm.Name, values) : null, norm.Epsilon),
        LayerNorm norm => functional.layer_norm(x, [.. norm.Shape], norm.Affine ? Weight(norm.Name, values) : null,
            norm.Affine && norm.Bias ? Bias(norm.Name, values) : null, norm.Epsilon),
        LayerScale scale => x * values[places[scale.Name]],
        PositionalEmbedding embedding => x + values[places[embedding.Name]],
        ClassToken token => cat([values[places[token.Name]].reshape(1, -1, x.shape[2]).expand(x.shape[0], -1, -1), x], 1),
        ImageToTokens => x.flatten(2).transpose(1, 2),
        TokensToImage image => x.reshape(x.shape[0], -1, x.shape[^1]).transpose(1, 2)
            .reshape(x.shape[0], x.shape[^1], image.Height, image.Width),
        TokenRange range => x.narrow(1, range.First, range.Count),
        TokenMean => x.mean([1]),
        Attention attention => Attend(attention, x),
        AdaptiveAvgPool2d pool => functional.adaptive_avg_pool2d(x, [pool.Height, pool.Width]),
        Concatenation joined => Join([.. joined.Parts.Select(part => Run(part, x, mode, values, masks, trace))]),
        Scaled scaled => x * Run(scaled.Factor, x, mode, values, masks, trace),
        Dropout dropout => masks is null ? x : Drop(dropout, x, masks),
        _ => throw new AfterimageException($"{layer.GetType().Name} has no forward pass."),
    };

    private static Tensor Join(Tensor[] parts) => cat(parts, parts[0].dim() == 3 ? 2 : 1);

    private static Tensor Attend(Attention attention, Tensor x)
    {
        // [B,N,3D] to queries, keys and values of shape [B,heads,N,D/heads].
        var heads = x.reshape(x.shape[0], x.shape[1], 3, attention.Heads, -1).permute(2, 0, 3, 1, 4);
        var weights = (heads[0] * attention.Scale).matmul(heads[1].transpose(-2, -1)).softmax(-1);
        return weights.matmul(heads[2]).transpose(1, 2).flatten(2);
    }

    private Tensor Weight(string layer, IReadOnlyList<Tensor> values) => values[places[layer + ".weight"]];

    private Tensor Bias(string layer, IReadOnlyList<Tensor> values) => values[places[layer + ".bias"]];

    private Tensor Normalize(BatchNorm2d norm, Tensor x, ModelMode mode, Tensor weight, Tensor bias)
    {
        var shape = x.shape;
        if (mode == ModelMode.Eval)
        {
            var (mean, variance) = (buffers[norm.Name + ".running_mean"], buffers[norm.Name + ".running_var"]);
            return shape[0] == 1 && transposes ? Normalized(x - OfChannels(mean), OfChannels(variance), norm.Epsilon, weight, bias)
                : functional.batch_norm(x, mean, variance, weight, bias, training: false, norm.Momentum, norm.Epsilon);
        }
        if (shape[0] * shape[2] * shape[3] == 1)
            throw new AfterimageException($"{norm.Name} sees one value per channel, " +
                "so train mode has no statistics: use a batch of two or more.");
        if (shape[0] == 1 && transposes)
        {
            var centered = x - x.mean([2, 3], keepdim: true);
            return Normalized(centered, centered.square().mean([2, 3], keepdim: true), norm.Epsilon, weight, bias);
        }
        // No running statistics are handed over, so none can be mutated.
        return functional.batch_norm(x, null!, null!, weight, bias, training: true, norm.Momentum, norm.Epsilon);
    }

    private static Tensor Normalized(Tensor centered, Tensor variance, double epsilon, Tensor weight, Tensor bias) =>
        centered * (variance + epsilon).rsqrt() * OfChannels(weight) + OfChannels(bias);

    private static Tensor OfChannels(Tensor values) => values.view(1, -1, 1, 1);

    private Tensor Drop(Dropout dropout, Tensor x, Tensor masks)
    {
        var (from, count) = masked[dropout.Name];
        return x * masks.narrow(1, from, count).reshape(x.shape) / (1 - dropout.Rate);
    }

    private static Tensor Activate(Activation activation, Tensor x) => activation.Kind switch
    {
        ActivationKind.ReLU => x.relu(),
        ActivationKind.LeakyReLU => functional.leaky_relu(x, activation.Slope),
        ActivationKind.Sigmoid => x.sigmoid(),
        ActivationKind.Tanh => x.tanh(),
        ActivationKind.Gelu => functional.gelu(x),
        ActivationKind.Silu => functional.silu(x),
        ActivationKind.Softplus => functional.softplus(x),
        ActivationKind.ReLU6 => functional.relu6(x),
        // libtorch's own have no second derivative.
        ActivationKind.HardSigmoid => (x + 3).clamp(0, 6) / 6,
        ActivationKind.HardSwish => x * (x + 3).clamp(0, 6) / 6,
        ActivationKind.Elu => functional.elu(x, 1),
        ActivationKind.SoftLeakyReLU => x * activation.Slope
            + functional.softplus(x * activation.Sharpness) * ((1 - activation.Slope) / activation.Sharpness),
        ActivationKind.SoftGateLeakyReLU => SoftGate(activation, x),
        _ => throw new AfterimageException($"{activation.Kind} has no forward pass."),
    };

    /// <summary>
    /// The leaky ReLU plus (x - x0)^2 curvature / 2 with x0 = x held constant: zero in value and slope, and the surrogate as second
    /// derivative.
    /// </summary>
    private static Tensor SoftGate(Activation activation, Tensor x)
    {
        var here = x.detach();
        var scale = activation.Sharpness / (here.square().mean().sqrt() + 1e-30);
        var curvature = (1 - here.abs() * scale).clamp_min(0) * scale * (1 - activation.Slope);
        return functional.leaky_relu(x, activation.Slope) + (x - here).square() * curvature / 2;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        foreach (var tensor in parameters.Concat(buffers.Values))
            tensor.Dispose();
        base.Dispose(disposing);
    }
}
