using Afterimage.Models;
using BenchmarkDotNet.Attributes;

namespace Afterimage.Benchmarks;

/// <summary>The three products of a compiled plan, model by model.</summary>
[InProcess]
public class OperatorProducts
{
    private Setting setting = null!;

    [Params("LeNet", "Mlp", "ConvNet-16", "ResNet-20")]
    public string Model { get; set; } = "";

    [Params(1, 8)]
    public int Batch { get; set; }

    [GlobalSetup]
    public void Open()
    {
        setting = new(Model switch
        {
            "LeNet" => new LeNet(),
            "Mlp" => new Mlp(),
            "ConvNet-16" => new ConvNet { Width = 16 },
            _ => new ResNet { Depth = 20 },
        }, new(3, 32, 32), Batch);
        setting.Mine.Gradient();
    }

    [Benchmark(Description = "A(x)")]
    public void Gradient() => setting.Mine.Gradient();

    [Benchmark(Description = "J'v")]
    public void Pullback() => setting.Mine.Pullback();

    [Benchmark(Description = "Ju")]
    public void Pushforward() => setting.Mine.Pushforward();

    [GlobalCleanup]
    public void Close() => setting.Dispose();
}

/// <summary>A(x) of networks with one kind of layer each.</summary>
[InProcess]
public class OperatorParts
{
    private Setting setting = null!;

    [Params("3x3, 16 channels", "3x3, 64 channels", "5x5 of stride 2, 12 channels", "sigmoid", "gelu", "batch norm", "max pool")]
    public string Part { get; set; } = "";

    [GlobalSetup]
    public void Open()
    {
        setting = new(new OneLayer(Part), new(3, 32, 32), 1);
        setting.Mine.Gradient();
    }

    [Benchmark(Description = "A(x)")]
    public void Gradient() => setting.Mine.Gradient();

    [GlobalCleanup]
    public void Close() => setting.Dispose();

    /// <summary>A pointwise convolution to 16 channels, the layer twice, and a head.</summary>
    private sealed record OneLayer(string Part) : Architecture
    {
        public override Network Describe(Numerics.ImageShape input, int classes)
        {
            var channels = Part.Contains("64", StringComparison.Ordinal) ? 64 : Part.Contains("12", StringComparison.Ordinal) ? 12 : 16;
            Layer Layer(int number) => Part switch
            {
                "sigmoid" => new Activation(ActivationKind.Sigmoid),
                "gelu" => new Activation(ActivationKind.Gelu),
                "batch norm" => new BatchNorm2d($"part{number}", channels),
                "max pool" => new MaxPool2d(3, 1, 1),
                "5x5 of stride 2, 12 channels" => new Conv2d($"part{number}", channels, channels, 5, Stride: 2, Padding: 2),
                _ => new Conv2d($"part{number}", channels, channels, 3, Padding: 1),
            };
            return new(input, classes,
                [new Conv2d("first", input.Channels, channels, 1), Layer(1), Layer(2), new GlobalAvgPool2d(), new Flatten(),
                new Linear("head", channels, classes)]);
        }

        protected override TorchSharp.torch.Tensor Draw(ParameterSpec spec, TorchSharp.torch.Generator generator) => spec.Role is
            ParameterRole.NormalizationWeight or ParameterRole.RunningVariance
            ? TorchSharp.torch.ones(spec.Shape.ToArray())
            : TorchSharp.torch.rand(spec.Shape.ToArray(), generator: generator) - 0.5;
    }
}
