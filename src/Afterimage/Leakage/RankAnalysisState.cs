using Afterimage.Models;

namespace Afterimage.Leakage;

/// <summary>One layer with random weights, a random output, and a random signal from above, on which ranks are computed.</summary>
internal sealed class RandomState
{
    /// <summary>Inputs beyond which ranks are bounded instead of computed.</summary>
    private const long LargestExact = 3600;

    private const long LargestPlane = 1600;

    private const long LargestMatrix = 50_000_000;

    private readonly Layer layer;
    private readonly long[] input;
    private readonly Generator generator;
    private readonly IReadOnlyList<Layer> tail;
    private readonly Tensor output;

    public RandomState(Layer layer, long[] input, IReadOnlyList<Layer> tail, Generator generator)
    {
        (this.layer, this.input, this.tail, this.generator) = (layer, input, tail, generator);
        output = Draw([1, .. layer.Follow(input)]);
        Passed = tail.Aggregate(layer.Follow(input), (shape, next) => next.Follow(shape)).Aggregate(1L, (product, size) => product * size);
    }

    public long Unknowns => input.Aggregate(1L, (product, size) => product * size);

    /// <summary>Numbers that the layers behind let through.</summary>
    public long Passed { get; }

    /// <summary>Of a convolution, as if its channels all mixed.</summary>
    private ConvolutionMap Map => new((Conv2d)layer with { Groups = 1 }, input);

    /// <summary>Rank of K over all input channels, and whether it is computed.</summary>
    public (long Rank, bool Exact) GradientRank()
    {
        var map = Map;
        return map.Places <= LargestPlane ? (input[0] * Rank(Gram(GradientBlock())), true)
            : (input[0] * Math.Min(map.Equations, map.Places), false);
    }

    /// <summary>Rank of W as far as it is passed on, rank of W and K together, and whether both are computed.</summary>
    public (long Weights, long Both, bool Exact) Ranks(long gradient, bool exactGradient, bool lost)
    {
        var bound = lost ? 0 : Math.Min(Unknowns, Passed);
        if (lost || gradient == Unknowns)
            return (bound, gradient, exactGradient);
        if (Unknowns > LargestExact || Passed * output.numel() > LargestMatrix || !exactGradient)
            return (bound, Math.Min(Unknowns, bound + gradient), false);
        var normal = Gram(WeightRows());
        var weights = Rank(normal);
        var places = input[1] * input[2];
        var block = Gram(GradientBlock());
        for (var c = 0L; c < input[0]; c++)
            normal.narrow(0, c * places, places).narrow(1, c * places, places).add_(block);
        return (weights, Rank(normal), true);
    }

    private Tensor GradientBlock()
    {
        var matrix = Map.System(Signal(1)[0].unsqueeze(0));
        return matrix / matrix.norm().clamp_min(1e-300);
    }

    /// <summary>The rows of W that reach the next layer, shape [passed, unknowns].</summary>
    private Tensor WeightRows()
    {
        var conv = (Conv2d)layer;
        var passed = Pull(eye(Passed, dtype: ScalarType.Float64), repeat: Passed);
        var weight = Draw([conv.Output, conv.Input, conv.Kernel, conv.Kernel]);
        var rows = Map.Transpose(weight, passed).reshape(Passed, Unknowns);
        return rows / rows.norm().clamp_min(1e-300);
    }

    private Tensor Signal(long count) => Pull(Draw([count, Passed]), count);

    /// <summary>Vectors behind the tail, [repeat, passed], drawn back to the layer's output.</summary>
    private Tensor Pull(Tensor vectors, long repeat)
    {
        var start = output.expand([repeat, .. output.shape[1..]]).contiguous().requires_grad_();
        var end = tail.Aggregate(start, Pass);
        return Differentiate.Products([end], [start], [vectors.view(end.shape)])[0];
    }

    /// <summary>Only what loses information matters: an activation or normalization that can be undone passes everything.</summary>
    private static Tensor Pass(Tensor x, Layer next) => next switch
    {
        Activation { Kind: ActivationKind.ReLU } => x.relu(),
        AvgPool2d pool => nn.functional.avg_pool2d(x, pool.Kernel, pool.Stride, pool.Padding),
        MaxPool2d pool => nn.functional.max_pool2d(x, pool.Kernel, pool.Stride, pool.Padding),
        GlobalAvgPool2d => x.mean([2, 3], keepdim: true),
        AdaptiveAvgPool2d pool => nn.functional.adaptive_avg_pool2d(x, [pool.Height, pool.Width]),
        Flatten => x.flatten(1),
        ImageToTokens => x.flatten(2).transpose(1, 2),
        TokensToImage image => x.reshape(x.shape[0], -1, x.shape[^1]).transpose(1, 2)
            .reshape(x.shape[0], x.shape[^1], image.Height, image.Width),
        ClassToken token => cat([zeros([x.shape[0], token.Follow(x.shape[1..])[0] - x.shape[1], x.shape[2]], x.dtype), x], 1),
        TokenRange range => x.narrow(1, range.First, range.Count),
        TokenMean => x.mean([1]),
        _ => x.alias(),
    };

    private Tensor Draw(long[] shape) => randn(shape, ScalarType.Float64, CPU, generator: generator);

    private static Tensor Gram(Tensor rows) => rows.t().matmul(rows);

    private static long Rank(Tensor normal)
    {
        var spectrum = Factorization.EigenValues(normal, "The normal matrix of a layer's equations");
        return spectrum.gt(spectrum.max() * 1e-14 * normal.shape[0]).sum().ToInt64();
    }
}
