using System.Numerics;
using Afterimage.Models;

namespace Afterimage.Compiled;

/// <summary>Turns the layers of a network into a flat list of steps; parameters are found by name.</summary>
internal sealed unsafe class Lowering<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    /// <summary>Weights of a layer on tokens beyond which they are read where they lie.</summary>
    private const long LargeProjection = 1 << 19;
    private readonly CompiledModel<T> model;
    private readonly int batch;
    private readonly List<Step<T>> steps = [];
    private readonly Dictionary<Node<T>, long[]> nodes = [];

    public Lowering(CompiledModel<T> model, int batch, Arena<T> arena)
    {
        (this.model, this.batch) = (model, batch);
        var (channels, height, width) = model.Network.Input;
        Input = Add([channels, height, width], learned: false);
        Output = Lower(model.Network.Layers, Input);
        foreach (var node in nodes.Keys)
            node.Allocate(arena);
        foreach (var step in steps)
            step.Allocate(arena);
    }

    public Node<T> Input { get; }

    public Node<T> Output { get; }

    public Step<T>[] Steps => [.. steps];

    private Node<T> Add(long[] shape, bool learned)
    {
        // Tokens lie in memory as the pixels of one row do.
        var node = shape switch
        {
            [var channels, var height, var width] => new Node<T>(batch, (int)channels, (int)height, (int)width, learned),
            [var tokens, var width] => new Node<T>(batch, (int)width, 1, (int)tokens, learned),
            _ => new Node<T>(batch, (int)shape[0], 1, 1, learned),
        };
        nodes.Add(node, shape);
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
        // Dropout does nothing in eval mode, and a network that draws masks is not compiled.
        if (layer is Dropout)
            return input;
        var branches = layer.Branches.Select(branch => Lower(branch, input)).ToArray();
        var output = Add(layer.Follow(nodes[input]), input.Learned || layer.Parameters.Any());
        return layer switch
        {
            Linear linear when input.Width > 1 =>
                Lower(new Conv2d(linear.Name, linear.Input, linear.Output, 1, Bias: linear.Bias), input, output),
            Linear linear => Append(new LinearStep<T>(linear, model.Parameters, model.Weight(linear.Name), model.Bias(linear.Name), input,
                output),
                output, input),
            Conv2d conv => Lower(conv, input, output),
            BatchNorm2d norm => Lower(norm, input, output),
            Activation activation => Append(new ActivationStep<T>(activation, input, output), output, input),
            AvgPool2d pool => Append(new AvgPoolStep<T>(pool, input, output), output, input, ring: pool.Padding),
            MaxPool2d pool => Append(new MaxPoolStep<T>(pool, input, output), output, input),
            GlobalAvgPool2d or AdaptiveAvgPool2d or TokenMean => Append(new AdaptiveAvgPoolStep<T>(input, output), output, input),
            GroupNorm norm => Append(Standardize(norm.Affine ? norm.Name : null, new(input.Height, norm.Groups), norm.Epsilon, input,
                output), output, input),
            LayerNorm norm => Append(Standardize(norm, input, output), output, input),
            LayerScale scale => Append(new LayerScaleStep<T>(model.Parameters, Field(scale.Name, scale.Shape, input), input, output),
                output, input),
            PositionalEmbedding embedding => Append(new EmbeddingStep<T>(model.Parameters, Field(embedding.Name, embedding.Shape, input),
                input, output), output, input),
            ClassToken token => Append(new ClassTokenStep<T>(model.Parameters, model.Place(token.Name), input, output), output, input),
            Attention attention => Append(new AttentionStep<T>(attention, input, output), output, input),
            ImageToTokens or TokensToImage => Append(new ReshapeStep<T>(input, output), output, input),
            Flatten when nodes[input].Length < 3 => Append(new ReshapeStep<T>(input, output), output, input),
            TokenRange range => Append(new TokenRangeStep<T>(range.First, input, output), output, input),
            Residual => Append(new SumStep<T>(branches[0], branches[1], output), output, branches),
            Concatenation => Append(new ConcatenationStep<T>(branches, output), output, branches),
            Scaled => Append(new GateStep<T>(input, branches[0], output), output, [input, .. branches]),
            Flatten => Append(new FlattenStep<T>(input, output), output, input),
            PaddedShortcut shortcut => Append(new ShortcutStep<T>(shortcut, input, output), output, input),
            _ => throw new AfterimageException($"{layer.GetType().Name} has no compiled form: use the autograd operator."),
        };
    }

    private Node<T> Lower(Conv2d layer, Node<T> input, Node<T> output)
    {
        if (layer.Groups > 1 && layer.Groups == layer.Input && layer.Groups == layer.Output)
            return Append(new DepthwiseStep<T>(layer, model.Parameters, model.Weight(layer.Name), model.Bias(layer.Name), input, output),
                output, input, ring: layer.Padding);
        // Copies of large token projections in another order would take gigabytes for a ViT-B.
        var isLargeProjection = input.Height == 1 && layer.Kernel == 1 && (long)layer.Output * layer.Input >= LargeProjection;
        if (isLargeProjection || UnfoldedStep<T>.Suits(layer, output.Rows * output.Width))
            return Append(new UnfoldedStep<T>(layer, model.Parameters, model.Weight(layer.Name), model.Bias(layer.Name), input, output),
                output, input, ring: layer.Padding);
        var (filters, weights) = model.Convolution(layer);
        return Append(new ConvolutionStep<T>(filters, weights, input, output), output, input, ring: layer.Padding);
    }

    private Node<T> Lower(BatchNorm2d layer, Node<T> input, Node<T> output)
    {
        if (model.Mode == ModelMode.Train)
            return input.Rows * input.Width > 1
                ? Append(Standardize(layer.Name, new(input.Rows, layer.Channels), layer.Epsilon, input, output), output, input)
                : throw new AfterimageException($"{layer.Name} sees one value per channel, " +
                    "so train mode has no statistics: use a batch of two or more.");
        var epsilon = T.CreateTruncating(layer.Epsilon);
        var inverse = model.Buffer($"{layer.Name}.running_var").Select(variance => T.One / T.Sqrt(variance + epsilon)).ToArray();
        return Append(new BatchNormStep<T>(model.Parameters, model.Weight(layer.Name), model.Bias(layer.Name),
            model.Buffer($"{layer.Name}.running_mean"), inverse, input, output), output, input);
    }

    private StandardizeStep<T> Standardize(string? name, Sets sets, double epsilon, Node<T> input, Node<T> output)
    {
        var (weight, bias) = name is null ? (-1, -1) : (model.Weight(name), model.Bias(name));
        long[] shape = [input.Channels, 1, 1];
        return new(model.Parameters, Field<T>.Of(weight, shape, nodes[input]), Field<T>.Of(bias, shape, nodes[input]), sets, epsilon, input,
            output);
    }

    private StandardizeStep<T> Standardize(LayerNorm layer, Node<T> input, Node<T> output)
    {
        var shape = nodes[input];
        var sets = shape.Length < 3 ? new Sets(1, 1, IsOfPixels: layer.Shape.Count == 1)
            : new Sets(layer.Shape.Count == 1 ? 1 : input.Height, layer.Shape.Count == 3 ? 1 : input.Channels);
        var (weight, bias) = layer.Affine ? (model.Weight(layer.Name), model.Bias(layer.Name)) : (-1, -1);
        return new(model.Parameters, Field<T>.Of(weight, layer.Shape, shape), Field<T>.Of(bias, layer.Shape, shape), sets, layer.Epsilon,
            input, output);
    }

    private Field<T> Field(string parameter, ValueList<long> shape, Node<T> input) =>
        Field<T>.Of(model.Place(parameter), shape, nodes[input]);

    private Node<T> Append(Step<T> step, Node<T> output, Node<T> input, int ring = 0)
    {
        input.ReadBy(step, ring);
        return Append(step, output, []);
    }

    private Node<T> Append(Step<T> step, Node<T> output, Node<T>[] inputs)
    {
        foreach (var input in inputs)
            input.ReadBy(step);
        steps.Add(step);
        return output;
    }
}
