using Afterimage.Compiled;
using Afterimage.Models;
using Afterimage.Numerics;
using CsCheck;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Compiled;

/// <summary>Networks that nobody thought of agree with automatic differentiation; a failure shrinks to a short list of layers.</summary>
public class RandomArchitectureTests
{
    private sealed record Gene(int Kind, int A, int B, int C, int D);

    private sealed record Plan(int Channels, int Height, int Width, int Batch, int Classes, Gene[] Genes)
    {
        public override string ToString() =>
            $"batch {Batch} of {Channels}x{Height}x{Width} in {Classes} classes: {string.Join(" | ", Genes.ToList())}";
    }

    private static readonly Gen<Plan> Plans = Gen.Select(Gen.Int[1, 5], Gen.Int[3, 11], Gen.Int[3, 11], Gen.Int[1, 3], Gen.Int[2, 5],
        Gen.Select(Gen.Int[0, 9], Gen.Int[0, 39], Gen.Int[0, 11], Gen.Int[0, 11], Gen.Int[0, 11], (kind, a, b, c, d) =>
            new Gene(kind, a, b, c, d)).Array[0, 6],
        (channels, height, width, batch, classes, genes) => new Plan(channels, height, width, batch, classes, genes));

    [Fact]
    public void Five_hundred_random_networks_agree()
    {
        for (var number = 0u; number < 500; number++)
        {
            var random = new PCG(number, 1);
            var seed = random.ToString();
            var plan = Plans.Generate(random, null, out _);
            // The cases are the same in every run; only a failure is followed by a search for a smaller one.
            if (Fault(plan) is { } fault)
            {
                TestContext.Current.TestOutputHelper?.WriteLine($"case {number}, {plan}: {fault}");
                Plans.Sample(smaller => Fault(smaller) is null, iter: 2000, threads: 1, seed: seed, print: smaller =>
                    $"{smaller}: {Fault(smaller)}");
                Assert.Fail(fault);
            }
        }
    }

    private static string? Fault(Plan plan)
    {
        var network = Network(plan);
        using var model = Architectures.Model(network, 1);
        using var exact = model.To(ScalarType.Float64, CPU);
        using var twice = CompiledModel.Of<double>(exact);
        var inDouble = new Products<double>(twice, plan.Batch, 5).ErrorsAgainst(model, plan.Batch);
        if (!inDouble.All(error => error < 1e-11))
            return $"float64 {string.Join(", ", inDouble)}";
        // In single precision a value beside a kink may round to its other side; smooth networks have no kinks.
        if (!network.Layers.All(IsSmooth))
            return null;
        using var single = CompiledModel.Of<float>(model);
        var products = new Products<float>(single, plan.Batch, 5);
        var inSingle = products.ErrorsAgainst(model, plan.Batch);
        if (inSingle.All(error => error < 1e-5))
            return null;
        // Where a product nearly cancels, rounding alone can cost more than that.
        var rounding = products.ErrorsOfAutograd(model, plan.Batch);
        return inSingle.Zip(rounding).All(pair => pair.First < Math.Max(1e-5, 4 * pair.Second)) ? null
            : $"float32 {string.Join(", ", inSingle)}";
    }

    private static bool IsSmooth(Layer layer) => layer switch
    {
        MaxPool2d or Activation { Kind: ActivationKind.ReLU or ActivationKind.LeakyReLU } => false,
        Residual residual => residual.Body.Concat(residual.Shortcut).All(IsSmooth),
        _ => true,
    };

    private static Network Network(Plan plan)
    {
        var layers = new List<Layer>();
        long[] shape = [plan.Channels, plan.Height, plan.Width];
        foreach (var gene in plan.Genes)
            if (Layer(gene, shape, $"{layers.Count}") is { } layer)
            {
                layers.Add(layer);
                shape = layer.Follow(shape);
            }
        layers.Add(new Flatten());
        shape = [shape.Aggregate(1L, (product, n) => product * n)];
        layers.Add(new Linear("head", (int)shape[0], plan.Classes));
        return new(new(plan.Channels, plan.Height, plan.Width), plan.Classes, layers.ToValueList());
    }

    /// <summary>The layer of a gene where it fits the shape, or null.</summary>
    private static Layer? Layer(Gene gene, long[] shape, string name)
    {
        var channels = (int)shape[0];
        Layer layer = gene.Kind switch
        {
            0 or 1 or 2 => Convolution(gene, channels, $"{name}.conv"),
            3 => new BatchNorm2d($"{name}.norm", channels),
            4 or 5 => new Activation((ActivationKind)(gene.A % 7), 0.1),
            6 => gene.A % 2 == 0 ? new AvgPool2d(1 + gene.B % 3, 1 + gene.C % 3, gene.D % 2 * ((1 + gene.B % 3) / 2))
                : new MaxPool2d(1 + gene.B % 3, 1 + gene.C % 3, gene.D % 2 * ((1 + gene.B % 3) / 2)),
            7 => new Residual([new Conv2d($"{name}.body", channels, channels, 3, Padding: 1), new Activation((ActivationKind)(gene.A % 7))],
                gene.B % 2 == 0 ? [] : [new Conv2d($"{name}.shortcut", channels, channels, 1), new BatchNorm2d($"{name}.norm", channels)]),
            8 => new PaddedShortcut(1 + gene.A % 3, gene.B % 3, gene.C % 3),
            _ => gene.A % 5 == 0 ? new GlobalAvgPool2d() : new Residual([new Activation((ActivationKind)(gene.A % 7))], []),
        };
        try
        {
            layer.Follow(shape);
            return layer;
        }
        catch (AfterimageException)
        {
            return null;
        }
    }

    private static Conv2d Convolution(Gene gene, int channels, string name)
    {
        var groups = gene.D % 4 == 3 ? channels : gene.D % 4 == 2 && channels % 2 == 0 ? 2 : 1;
        return new(name, channels, (1 + gene.A) * (groups > 1 ? groups : 1) % 97 / groups * groups + groups, 1 + gene.B % 4,
            Stride: 1 + gene.C % 3, Padding: gene.C / 3 % 3, Dilation: 1 + gene.D / 4 % 2, groups, Bias: gene.B < 9);
    }
}
