using static TorchSharp.torch.nn;

namespace Afterimage.Models;

/// <summary>A network of known layers with its own parameters, run through libtorch's functions.</summary>
public sealed class NetworkModel : VictimModel
{
    private readonly Tensor[] parameters;
    private readonly Dictionary<string, Tensor> buffers;

    /// <param name="network">The layers.</param>
    /// <param name="normalization">Of the client's images.</param>
    /// <param name="parameters">One tensor for each parameter, in the network's order; the model takes ownership.</param>
    /// <param name="buffers">BatchNorm statistics by name; the model takes ownership.</param>
    public NetworkModel(Network network, Normalization normalization, Tensor[] parameters, Dictionary<string, Tensor> buffers)
        : base(network.Input, network.Classes, normalization, parameters[0].dtype, parameters[0].device)
    {
        Network = network.Checked();
        Layout = network.Layout();
        this.parameters = [.. parameters.Select(parameter => parameter.detach().requires_grad_().DetachFromDisposeScope())];
        this.buffers = buffers.ToDictionary(pair => pair.Key, pair => pair.Value.detach().DetachFromDisposeScope());
    }

    public override Network Network { get; }

    public override TensorLayout Layout { get; }

    public override IReadOnlyList<Tensor> Parameters => parameters;

    public override IReadOnlyDictionary<string, Tensor> Buffers => buffers;

    public override VictimModel To(ScalarType type, Device device)
    {
        using var _ = NewDisposeScope();
        return new NetworkModel(Network, Normalization,
            [.. parameters.Select(parameter => parameter.detach().to(type, device, copy: true))],
            buffers.ToDictionary(pair => pair.Key, pair => pair.Value.to(type, device, copy: true)));
    }

    protected override Tensor Forward(Tensor normalized, ModelMode mode, IReadOnlyList<Tensor>? parameters)
    {
        var reader = new Queue<Tensor>(parameters ?? this.parameters);
        return Run(Network.Layers, normalized, mode, reader);
    }

    private Tensor Run(Seq<Layer> layers, Tensor x, ModelMode mode, Queue<Tensor> reader)
    {
        foreach (var layer in layers)
            x = Apply(layer, x, mode, reader);
        return x;
    }

    private Tensor Apply(Layer layer, Tensor x, ModelMode mode, Queue<Tensor> reader) => layer switch
    {
        Linear linear => functional.linear(x, reader.Dequeue(), linear.Bias ? reader.Dequeue() : null),
        Conv2d conv => functional.conv2d(x, reader.Dequeue(), conv.Bias ? reader.Dequeue() : null, [conv.Stride, conv.Stride],
            [conv.Padding, conv.Padding], [conv.Dilation, conv.Dilation], conv.Groups),
        BatchNorm2d norm => Normalize(norm, x, mode, reader.Dequeue(), reader.Dequeue()),
        Activation activation => Activate(activation, x),
        AvgPool2d pool => functional.avg_pool2d(x, pool.Kernel, pool.Stride, pool.Padding),
        MaxPool2d pool => functional.max_pool2d(x, pool.Kernel, pool.Stride, pool.Padding),
        GlobalAvgPool2d => x.mean([2, 3], keepdim: true),
        Flatten => x.flatten(1),
        PaddedShortcut shortcut => functional.pad(x[TensorIndex.Colon, TensorIndex.Colon,
            TensorIndex.Slice(step: shortcut.Stride), TensorIndex.Slice(step: shortcut.Stride)],
            [0, 0, 0, 0, shortcut.ChannelsBefore, shortcut.ChannelsAfter]),
        Residual residual => Run(residual.Body, x, mode, reader) + Run(residual.Shortcut, x, mode, reader),
        _ => throw new AfterimageException($"{layer.GetType().Name} has no forward pass."),
    };

    private Tensor Normalize(BatchNorm2d norm, Tensor x, ModelMode mode, Tensor weight, Tensor bias)
    {
        // In train mode no running statistics are handed over, so none can be mutated.
        return mode == ModelMode.Train
            ? functional.batch_norm(x, null!, null!, weight, bias, training: true, norm.Momentum, norm.Epsilon)
            : functional.batch_norm(x, buffers[$"{norm.Name}.running_mean"], buffers[$"{norm.Name}.running_var"], weight, bias,
                training: false, norm.Momentum, norm.Epsilon);
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
        _ => throw new AfterimageException($"{activation.Kind} has no forward pass."),
    };

    protected override void Dispose(bool disposing)
    {
        foreach (var tensor in parameters.Concat(buffers.Values))
            tensor.Dispose();
        base.Dispose(disposing);
    }
}
