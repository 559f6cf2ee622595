using Afterimage.Attacks;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Compiled;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

/// <summary>
/// Small random networks of the kinds whose layers are solved for one after the other, drawn until the counts promise the image exactly,
/// and what the attack makes of them; functions of a number and a seed.
/// </summary>
internal static class PlannedGraph
{
    private const int MostTries = 1000;

    /// <summary>The first network of this number for which the image is promised.</summary>
    public static Network Draw(int seed, int number)
    {
        var random = new RandomSource((ulong)seed).Derive($"plan {number}").Managed();
        for (var tries = 0; tries < MostTries; tries++)
            if (Candidate(random) is { } network && IsPromised(network))
                return network;
        throw new InvalidOperationException("No network with a promise was drawn.");
    }

    /// <summary>Whether the counts promise every number of one image.</summary>
    public static bool IsPromised(Network network)
    {
        using var model = Architectures.Model(network, 1);
        return InversionPlan.Of(model, ModelMode.Eval).Promise == ImagePromise.Exact;
    }

    /// <summary>The PSNR that the best attack reaches on one image of such a network.</summary>
    public static double Psnr(Network network, double seconds, out string way)
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Smooth(Architectures.Model(network, 1), [1]);
        using var context = client.Context.Within(seconds);
        using var found = new Best().Run(context);
        way = string.Join(" ", found.Evidence.Select(evidence => evidence.Sentence));
        return client.Judge(found).Psnr[0];
    }

    private static Network? Candidate(Random random)
    {
        try
        {
            return random.Next(8) switch
            {
                0 => Perceptron(random),
                1 => Transformer(random),
                < 4 => Smooth(random),
                < 7 => Rectified(random),
                _ => Residuals(random),
            };
        }
        catch (AfterimageException)
        {
            return null; // A layer does not fit the one in front of it.
        }
    }

    private static ImageShape Shape(Random random) => new(random.Next(2) == 0 ? 1 : 3, random.Next(8, 14), random.Next(8, 14));

    private static Network Perceptron(Random random)
    {
        var input = Shape(random);
        var hidden = random.Next(8, 60);
        return new(input, 5, [new Flatten(), new Linear("a", (int)input.Count, hidden), Any(random), new Linear("b", hidden, 5)]);
    }

    private static Network Transformer(Random random)
    {
        var (side, heads) = (random.Next(2, 5), random.Next(1, 4));
        var input = new ImageShape(3, side * random.Next(2, 5), side * random.Next(2, 5));
        var patches = (int)(input.Height / side * (input.Width / side));
        var width = heads * random.Next(6, 24);
        var token = random.Next(2);
        return new(input, 5, [new Conv2d("patch", 3, width, side, side), new ImageToTokens(),
            .. token == 1 ? new Layer[] { new ClassToken("token", [1, 1, width]) } : [],
            new PositionalEmbedding("places", [1, patches + token, width]),
            new Residual([new LayerNorm("norm", [width]), new Linear("packed", width, 3 * width), new Attention(heads, 0.3),
                new Linear("out", width, width)], []), new TokenMean(), new Linear("head", width, 5)]);
    }

    /// <summary>Convolutions and activations that can be read backwards.</summary>
    private static Network Smooth(Random random)
    {
        var input = Shape(random);
        return Ended(random, input, 1, [.. Enumerable.Range(0, random.Next(1, 4)).SelectMany(layer => new Layer[]
        {
            new Conv2d($"c{layer}", 0, random.Next(4, 24), random.Next(2, 6), random.Next(1, 3), random.Next(3), Bias: random.Next(2) == 0),
            Any(random),
        })]);
    }

    /// <summary>Convolutions with ReLU, perhaps BatchNorm and max pooling, and hidden linear layers.</summary>
    private static Network Rectified(Random random)
    {
        var input = Shape(random);
        var norm = random.Next(2) == 0;
        return Ended(random, input, random.Next(1, 4), [.. Enumerable.Range(0, random.Next(1, 4)).SelectMany(layer => (Layer[])
        [
            new Conv2d($"c{layer}", 0, random.Next(12, 64), random.Next(2, 6), 1, random.Next(3), Bias: !norm),
            .. norm ? [new BatchNorm2d($"n{layer}", 0)] : Array.Empty<Layer>(),
            new Activation(ActivationKind.ReLU),
            .. random.Next(2) == 0 ? [new MaxPool2d(random.Next(2, 4), 2)] : Array.Empty<Layer>(),
        ])]);
    }

    /// <summary>Residual units behind a stem, averaged into the head.</summary>
    private static Network Residuals(Random random)
    {
        var (input, width) = (Shape(random), 8 * random.Next(3, 9));
        var norm = random.Next(2) == 0;
        ValueList<Layer> Conv(string name) => [new Conv2d(name, 0, width, 3, 1, 1, Bias: !norm),
            .. norm ? [new BatchNorm2d(name + ".norm", 0)] : Array.Empty<Layer>()];
        var relu = new Activation(ActivationKind.ReLU);
        return Fitted(input, [.. Conv("stem"), relu, .. Enumerable.Range(0, random.Next(1, 3)).SelectMany(unit => new Layer[]
        {
            new Residual([.. Conv($"u{unit}.a"), relu, .. Conv($"u{unit}.b")], []), relu,
        }), new GlobalAvgPool2d(), new Flatten(), new Linear("head", width, 5)]);
    }

    private static Activation Any(Random random)
    {
        var kinds = Enum.GetValues<ActivationKind>();
        return new(kinds[random.Next(kinds.Length)], 0.2, 1 + random.NextDouble());
    }

    /// <summary>Linear layers behind.</summary>
    private static Network Ended(Random random, ImageShape input, int linears, List<Layer> layers)
    {
        layers.Add(new Flatten());
        for (var i = 1; i < linears; i++)
            layers.AddRange([new Linear($"l{i}", 0, random.Next(10, 100)), new Activation(ActivationKind.ReLU)]);
        layers.Add(new Linear("head", 0, 5));
        return Fitted(input, layers);
    }

    /// <summary>The layers with the numbers of channels and features that come to them.</summary>
    private static Network Fitted(ImageShape input, IEnumerable<Layer> layers)
    {
        long[] shape = [input.Channels, input.Height, input.Width];
        return new(input, 5, Fit(layers, ref shape));
    }

    private static ValueList<Layer> Fit(IEnumerable<Layer> layers, ref long[] shape)
    {
        List<Layer> fitted = [];
        foreach (var layer in layers)
        {
            var inside = shape;
            fitted.Add(layer switch
            {
                Conv2d conv => conv with { Input = (int)shape[0] },
                BatchNorm2d norm => norm with { Channels = (int)shape[0] },
                Linear linear => linear with { Input = (int)shape[0] },
                Residual residual => residual with { Body = Fit(residual.Body, ref inside) },
                _ => layer,
            });
            shape = fitted[^1].Follow(shape);
        }
        return fitted.ToValueList();
    }
}
