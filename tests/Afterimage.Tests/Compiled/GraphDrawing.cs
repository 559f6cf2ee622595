using Afterimage.Models;
using Afterimage.Numerics;

namespace Afterimage.Tests.Compiled;

/// <summary>Draws one <see cref="RandomGraph"/>: layers that may not fit are drawn, and those that do are kept.</summary>
internal sealed class GraphDrawing(Random random)
{
    /// <summary>Numbers of which mean and deviation are taken; of fewer, little more than rounding is left of a derivative.</summary>
    private const int FewestStandardized = 6;

    private const int LargestOutput = 4000;
    private readonly bool isSmooth = random.Next(3) == 0;
    private readonly int batch = random.Next(1, 5);
    private readonly ModelMode mode = random.Next(3) == 0 ? ModelMode.Train : ModelMode.Eval;
    private int names;

    /// <summary>Activations without a kink.</summary>
    public static readonly ActivationKind[] SmoothKinds =
    [
        ActivationKind.Sigmoid, ActivationKind.Tanh, ActivationKind.Gelu, ActivationKind.Silu, ActivationKind.Softplus,
        ActivationKind.SoftLeakyReLU,
    ];

    public RandomGraph Graph()
    {
        var (input, classes) = (new ImageShape(random.Next(1, 6), random.Next(3, 12), random.Next(3, 12)), random.Next(2, 6));
        long[] shape = [input.Channels, input.Height, input.Width];
        List<Layer> layers = [];
        for (var tries = random.Next(2, 10); tries > 0; tries--)
            if (Layer(shape, 0) is { } layer && Fits(layer, shape) is { } next)
            {
                layers.Add(layer);
                shape = next;
            }
        layers.Add(new Flatten());
        var features = (int)layers[^1].Follow(shape)[0];
        for (var hidden = random.Next(3); hidden > 0; hidden--)
            layers.AddRange(Hidden(ref features));
        layers.Add(new Linear(Name(), features, classes, Coin()));
        return new(new(input, classes, layers.ToValueList()), batch, mode);
    }

    /// <summary>The shape of the output, or null where the layer does not take this input or makes too much of it.</summary>
    private static long[]? Fits(Layer layer, long[] shape)
    {
        try
        {
            var next = layer.Follow(shape);
            return next.Aggregate(1L, (product, size) => product * size) <= LargestOutput ? next : null;
        }
        catch (AfterimageException)
        {
            return null;
        }
    }

    /// <summary>A layer for images; null where it surely does not fit.</summary>
    private Layer? Layer(long[] shape, int depth)
    {
        if (shape.Length < 3)
            return shape.Length == 2 ? Tokens(shape, depth) : Features((int)shape[0]);
        var channels = (int)shape[0];
        return random.Next(depth < 2 ? 29 : 21) switch
        {
            < 5 => Convolution(channels),
            5 => mode == ModelMode.Eval || batch * shape[1] * shape[2] >= FewestStandardized ? new BatchNorm2d(Name(), channels) : null,
            6 => Divisor(channels) is var groups && channels / groups * shape[1] * shape[2] >= FewestStandardized
                ? new GroupNorm(Name(), groups, channels, Affine: random.Next(4) > 0) : null,
            < 10 => Activation(),
            10 => isSmooth ? null : Pooling((kernel, stride, padding) => new MaxPool2d(kernel, stride, padding)),
            11 => Pooling((kernel, stride, padding) => new AvgPool2d(kernel, stride, padding)),
            12 => new AdaptiveAvgPool2d(random.Next(1, 6), random.Next(1, 6)),
            13 => random.Next(3) == 0 ? new GlobalAvgPool2d() : null,
            14 => new PaddedShortcut(random.Next(1, 4), random.Next(3), random.Next(3)),
            15 => mode == ModelMode.Eval ? new Dropout(Name(), 0.3) : null,
            16 => LayerNorm(shape),
            17 => new LayerScale(Name(), Broadcast(shape)),
            18 => new PositionalEmbedding(Name(), Broadcast(shape)),
            < 21 => new ImageToTokens(),
            < 23 => Residual(shape, depth),
            < 25 => new Concatenation([.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => OfSize(shape, depth).ToValueList())]),
            < 27 => Scaled(shape, depth),
            _ => Modern(shape),
        };
    }

    /// <summary>A layer for tokens [N,D]; null where it surely does not fit.</summary>
    private Layer? Tokens(long[] shape, int depth)
    {
        var (tokens, width) = ((int)shape[0], (int)shape[1]);
        return random.Next(depth < 2 ? 14 : 10) switch
        {
            < 2 => LayerNorm(shape),
            2 => new Linear(Name(), width, random.Next(1, 20), Coin()),
            3 => Activation(),
            4 => depth > 0 ? null : new ClassToken(Name(), Coin() ? [1, random.Next(1, 3), width] : [1, width]),
            5 => new PositionalEmbedding(Name(), Broadcast(shape)),
            6 => new LayerScale(Name(), Broadcast(shape)),
            7 => depth == 0 && random.Next(tokens) is var first ? new TokenRange(first, random.Next(1, tokens - first + 1)) : null,
            8 => depth == 0 && Divisor(tokens) is var height ? new TokensToImage(height, tokens / height) : null,
            9 => depth == 0 && random.Next(3) == 0 ? new TokenMean() : null,
            < 12 => new Residual(Attention(width), []),
            12 => new Concatenation([.. Enumerable.Range(0, random.Next(1, 4)).Select(_ => OfTokens(shape, depth).ToValueList())]),
            _ => Coin() ? new Scaled([.. ClosedTokens(shape, depth), Activation()]) : new Residual(ClosedTokens(shape, depth), []),
        };
    }

    /// <summary>A layer for features; null where it surely does not fit.</summary>
    private Layer? Features(int width) => random.Next(5) switch
    {
        0 => LayerNorm([width]),
        1 => new LayerScale(Name(), [width]),
        2 => new PositionalEmbedding(Name(), [1, width]),
        3 => new TokensToImage(1, 1),
        _ => Activation(),
    };

    /// <summary>Over some of the last dimensions.</summary>
    private LayerNorm? LayerNorm(long[] shape)
    {
        var last = shape[random.Next(shape.Length)..];
        return last.Aggregate(1L, (product, size) => product * size) < FewestStandardized ? null
            : new(Name(), last.ToValueList(), Affine: random.Next(4) > 0, Bias: Coin());
    }

    /// <summary>The shape of a parameter for activations of a shape, with ones in it and perhaps one in front.</summary>
    private ValueList<long> Broadcast(long[] shape) => [.. Coin() ? new long[] { 1 } : [], .. shape.Select(size => Coin() ? size : 1)];

    /// <summary>The body of a transformer's attention, as wide behind as in front.</summary>
    private ValueList<Layer> Attention(int width)
    {
        var (heads, each) = (random.Next(1, 4), random.Next(1, 6));
        ValueList<Layer> front = Coin() ? [new Linear(Name(), width, 3 * heads * each, Coin())]
            : [new Concatenation([.. Enumerable.Range(0, 3).Select(_ =>
                (ValueList<Layer>)[new Linear(Name(), width, heads * each, Coin())])])];
        return [.. front, new Attention(heads, 1 / Math.Sqrt(each)), new Linear(Name(), heads * each, width, Coin())];
    }

    /// <summary>A block of ConvNeXt.</summary>
    private Residual Modern(long[] shape)
    {
        var (channels, more) = ((int)shape[0], random.Next(1, 12));
        return new(
        [
            new Conv2d(Name(), channels, channels, 3, 1, 1, Groups: channels), new ImageToTokens(),
            .. channels >= FewestStandardized ? [new LayerNorm(Name(), [channels])] : Array.Empty<Layer>(),
            new Linear(Name(), channels, more), new Activation(ActivationKind.Gelu), new Linear(Name(), more, channels),
            new TokensToImage((int)shape[1], (int)shape[2]), new LayerScale(Name(), [channels, 1, 1]),
        ], []);
    }

    private Conv2d Convolution(int channels)
    {
        var groups = Coin() ? Divisor(channels) : 1;
        var outputs = groups * random.Next(1, Coin() ? 4 : 40 / groups + 2);
        return new(Name(), channels, outputs, random.Next(1, 6), random.Next(1, 4), random.Next(3), random.Next(1, 3), groups, Coin());
    }

    private int Divisor(int channels) => random.Next(3) switch
    {
        0 => 1,
        1 => channels,
        _ => Enumerable.Range(1, channels).Last(n => channels % n == 0 && n * n <= channels),
    };

    private Activation Activation()
    {
        var kinds = isSmooth ? SmoothKinds : Enum.GetValues<ActivationKind>();
        return new(kinds[random.Next(kinds.Length)], 0.2, 1 + random.NextDouble());
    }

    private Layer Pooling(Func<int, int, int, Layer> pooling)
    {
        var kernel = random.Next(1, 5);
        return pooling(kernel, random.Next(1, 4), random.Next(kernel / 2 + 1));
    }

    /// <summary>The identity, a projection or padding for a shortcut.</summary>
    private Residual Residual(long[] shape, int depth)
    {
        var (channels, stride, added) = ((int)shape[0], random.Next(1, 4), random.Next(3));
        ValueList<Layer> Body(int outputs) => [new Conv2d(Name(), channels, outputs, 3, stride, 1, Bias: Coin()), Activation()];
        return random.Next(4) switch
        {
            0 => new(Closed(shape, depth), []),
            1 => new(Coin() ? [] : [Activation()], Coin() ? [] : [Activation()]),
            2 => new(Body(channels + added), [new PaddedShortcut(stride, added / 2, added - added / 2)]),
            _ => new(Body(channels + added), [new Conv2d(Name(), channels, channels + added, 1, stride, Bias: Coin())]),
        };
    }

    /// <summary>Squeeze and excitation, a factor for every number, or the square.</summary>
    private Scaled Scaled(long[] shape, int depth)
    {
        var (channels, fewer) = ((int)shape[0], random.Next(1, 5));
        return random.Next(4) switch
        {
            0 => new([.. Closed(shape, depth), Activation()]),
            1 => new([]),
            _ => new([new GlobalAvgPool2d(), new Conv2d(Name(), channels, fewer, 1), Activation(), new Conv2d(Name(), fewer, channels, 1),
                isSmooth ? new Activation(ActivationKind.Sigmoid) : new Activation(ActivationKind.HardSigmoid)]),
        };
    }

    /// <summary>Layers that keep height and width; often none.</summary>
    private List<Layer> OfSize(long[] shape, int depth)
    {
        List<Layer> kept = [];
        var current = shape;
        for (var tries = random.Next(4); tries > 0; tries--)
            if (Layer(current, depth + 1) is { } layer && Fits(layer, current) is { } next && next.Skip(1).SequenceEqual(shape.Skip(1)))
            {
                kept.Add(layer);
                current = next;
            }
        return kept;
    }

    /// <summary>Layers that keep the number of tokens; often none.</summary>
    private List<Layer> OfTokens(long[] shape, int depth)
    {
        List<Layer> kept = [];
        var current = shape;
        for (var tries = random.Next(4); tries > 0; tries--)
            if (Tokens(current, depth + 1) is { } layer && Fits(layer, current) is [var tokens, _] next && tokens == shape[0])
            {
                kept.Add(layer);
                current = next;
            }
        return kept;
    }

    /// <summary>Layers that keep the number of tokens and their width.</summary>
    private ValueList<Layer> ClosedTokens(long[] shape, int depth)
    {
        var kept = OfTokens(shape, depth);
        var width = kept.Aggregate(shape, (current, layer) => layer.Follow(current))[1];
        return [.. kept, new Linear(Name(), (int)width, (int)shape[1], Coin())];
    }

    /// <summary>Layers that keep the whole shape.</summary>
    private ValueList<Layer> Closed(long[] shape, int depth)
    {
        var kept = OfSize(shape, depth);
        var channels = kept.Aggregate(shape, (current, layer) => layer.Follow(current))[0];
        return [.. kept, new Conv2d(Name(), (int)channels, (int)shape[0], 1, Bias: Coin())];
    }

    /// <summary>A hidden linear layer, or a residual or a factor of features.</summary>
    private IEnumerable<Layer> Hidden(ref int features)
    {
        var before = features;
        ValueList<Layer> same = [new Linear(Name(), before, before, Coin()), Activation()];
        if (before < 40 && random.Next(3) == 0)
            return [Coin() ? new Residual(same, []) : new Scaled(same)];
        features = random.Next(1, 20);
        return [new Linear(Name(), before, features, Coin()), Activation()];
    }

    private string Name() => $"layer{++names}";

    private bool Coin() => random.Next(2) == 0;
}
