using System.Numerics;
using Afterimage.Models;

namespace Afterimage.Compiled;

/// <summary>Turns the layers of a network into a flat list of steps; parameters are found by name.</summary>
internal sealed unsafe class Lowering<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly CompiledModel<T> model;
    private readonly int batch;
    private readonly List<Step<T>> steps = [];
    private readonly List<Node<T>> nodes = [];

    public Lowering(CompiledModel<T> model, int batch, Arena<T> arena)
    {
        (this.model, this.batch) = (model, batch);
        var (channels, height, width) = model.Network.Input;
        Input = Add([channels, height, width], learned: false);
        Output = Lower(model.Network.Layers, Input);
        foreach (var node in nodes)
            node.Allocate(arena);
        foreach (var step in steps)
            step.Allocate(arena);
    }

    public Node<T> Input { get; }

    public Node<T> Output { get; }

    public Step<T>[] Steps => [.. steps];

    private Node<T> Add(long[] shape, bool learned)
    {
        var node = shape is [var channels, var height, var width]
            ? new Node<T>(batch, (int)channels, (int)height, (int)width, learned)
            : new Node<T>(batch, (int)shape[0], 1, 1, learned);
        nodes.Add(node);
        return node;
    }

    private Node<T> Lower(ValueList<Layer> layers, Node<T> node)
    {
        foreach (var layer in layers)
            node = Lower(layer, node);
        return node;
    }

    private Node<T> Lower(Layer layer, Node<T> input)
    {
        // A plan runs in eval mode, where dropout does nothing.
        if (layer is Dropout)
            return input;
        if (layer is Residual residual)
        {
            var (body, shortcut) = (Lower(residual.Body, input), Lower(residual.Shortcut, input));
            var sum = Add([body.Channels, body.Height, body.Width], body.Learned || shortcut.Learned);
            return Append(new SumStep<T>(body, shortcut, sum), sum, body, shortcut);
        }
        var output = Add(Shape(layer, input), input.Learned || layer.Parameters.Any());
        return layer switch
        {
            Linear linear => Append(new LinearStep<T>(linear, model.Parameters, model.Weight(linear.Name), model.Bias(linear.Name), input,
                output),
                output, input),
            Conv2d conv => Lower(conv, input, output),
            BatchNorm2d norm => Lower(norm, input, output),
            Activation activation => Append(new ActivationStep<T>(activation, input, output), output, input),
            AvgPool2d pool => Append(new AvgPoolStep<T>(pool, input, output), output, input, ring: pool.Padding),
            MaxPool2d pool => Append(new MaxPoolStep<T>(pool, input, output), output, input),
            GlobalAvgPool2d => Append(new GlobalAvgPoolStep<T>(input, output), output, input),
            Flatten => Append(new FlattenStep<T>(input, output), output, input),
            PaddedShortcut shortcut => Append(new ShortcutStep<T>(shortcut, input, output), output, input),
            _ => throw new AfterimageException($"{layer.GetType().Name} has no compiled form: use the autograd operator."),
        };
    }

    private static long[] Shape(Layer layer, Node<T> input) =>
        layer.Follow(layer is Linear ? [input.Channels] : [input.Channels, input.Height, input.Width]);

    private Node<T> Lower(Conv2d layer, Node<T> input, Node<T> output)
    {
        var (filters, weights) = model.Convolution(layer);
        return Append(new ConvolutionStep<T>(filters, weights, input, output), output, input, ring: layer.Padding);
    }

    private Node<T> Lower(BatchNorm2d layer, Node<T> input, Node<T> output)
    {
        var epsilon = T.CreateTruncating(layer.Epsilon);
        var inverse = model.Buffer($"{layer.Name}.running_var").Select(variance => T.One / T.Sqrt(variance + epsilon)).ToArray();
        return Append(new BatchNormStep<T>(model.Parameters, model.Weight(layer.Name), model.Bias(layer.Name),
            model.Buffer($"{layer.Name}.running_mean"), inverse, input, output), output, input);
    }

    private Node<T> Append(Step<T> step, Node<T> output, Node<T> input, Node<T>? other = null, int ring = 0)
    {
        input.ReadBy(step, ring);
        other?.ReadBy(step);
        steps.Add(step);
        return output;
    }
}
