using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Models;

public class ArchitectureTests
{
    private static readonly ImageShape Cifar = new(3, 32, 32);

    public static TheoryData<Architecture, long> Sizes => new()
    {
        { new Mlp(), 3072 * 256 + 256 + 2 * (256 * 256 + 256) + 2570 },
        { new LeNet(), 900 + 12 + 2 * (3600 + 12) + 7690 },
        { new ConvNet { Width = 64 }, 2_904_970 },
        { new ResNet { Depth = 18 }, 11_173_962 },
        { new ResNet { Depth = 20 }, 269_722 },
        { new ResNet { Depth = 32 }, 464_154 },
        { new ResNet { Depth = 56 }, 853_018 },
    };

    [Theory, MemberData(nameof(Sizes))]
    public void HasThePublishedNumberOfParameters(Architecture architecture, long count) =>
        Assert.Equal(count, architecture.Describe(Cifar, 10).Checked().Layout().Count);

    [Fact]
    public void ImageNetStemHasTorchvisionsSizeAndNames()
    {
        var layout = new ResNet { Stem = ResNetStem.ImageNet }.Describe(new(3, 224, 224), 1000).Checked().Layout();
        Assert.Equal(11_689_512, layout.Count);
        var names = layout.Entries.Select(entry => entry.Name).ToList();
        Assert.Equal(["conv1.weight", "bn1.weight", "bn1.bias", "layer1.0.conv1.weight"], names[..4]);
        var down = names.IndexOf("layer2.0.downsample.0.weight");
        Assert.Equal("layer2.0.bn2.bias", names[down - 1]);
        Assert.Equal("fc.bias", names[^1]);
    }

    [Fact]
    public void LeNetFitsMnist()
    {
        using var model = new LeNet().Open(new(1, 28, 28), 10, new(3), ScalarType.Float32, CPU);
        Assert.Equal([10, 588], model.Layout.Entries[^2].Shape);
        Assert.Equal("fc.0.weight", model.Layout.Entries[^2].Name);
        using var logits = model.Logits(zeros(2, 1, 28, 28));
        Assert.Equal([2, 10], logits.shape);
    }

    [Fact]
    public void SameSeedIsTheSameModelInBothPrecisions()
    {
        using var _ = NewDisposeScope();
        var single = new ResNet { Depth = 20 }.Open(Cifar, 10, new(7), ScalarType.Float32, CPU);
        var again = new ResNet { Depth = 20 }.Open(Cifar, 10, new(7), ScalarType.Float32, CPU);
        var twice = new ResNet { Depth = 20 }.Open(Cifar, 10, new(7), ScalarType.Float64, CPU);
        var other = new ResNet { Depth = 20 }.Open(Cifar, 10, new(8), ScalarType.Float32, CPU);
        foreach (var (a, (b, c)) in single.Parameters.Zip(again.Parameters.Zip(twice.Parameters)))
        {
            Assert.True(a.eq(b).all().item<bool>());
            Assert.True(a.to(ScalarType.Float64).eq(c).all().item<bool>());
        }
        Assert.False(single.Parameters[0].eq(other.Parameters[0]).any().item<bool>());
    }

    [Fact]
    public void DefaultInitializationIsPyTorchs()
    {
        using var _ = NewDisposeScope();
        var model = new Mlp { Depth = 2, Width = 512 }.Open(Cifar, 10, new(1), ScalarType.Float64, CPU);
        var bound = 1 / Math.Sqrt(3072);
        Assert.InRange(model.Parameters[0].abs().max().ToDouble(), 0.999 * bound, bound);
        Assert.InRange(model.Parameters[0].std().ToDouble(), 0.99 * bound / Math.Sqrt(3), 1.01 * bound / Math.Sqrt(3));
        Assert.InRange(model.Parameters[1].abs().max().ToDouble(), 0.95 * bound, bound);
    }

    [Fact]
    public void LeNetsUniformInitializationReachesBiasesToo()
    {
        using var _ = NewDisposeScope();
        var published = new LeNet().Open(Cifar, 10, new(1), ScalarType.Float64, CPU);
        Assert.InRange(published.Parameters[6].abs().max().ToDouble(), 0.499, 0.5);
        Assert.InRange(published.Parameters[1].abs().max().ToDouble(), 0.3, 0.5);
        var usual = new LeNet { Initialization = LeNetInitialization.Default }.Open(Cifar, 10, new(1), ScalarType.Float64, CPU);
        Assert.InRange(usual.Parameters[6].abs().max().ToDouble(), 0, 1 / Math.Sqrt(768));
    }

    [Theory]
    [InlineData(18, 2.0 / (512 * 9), "layer4.1.conv2.weight")]
    [InlineData(18, 2.0 / (128 * 9), "layer2.0.conv1.weight")]
    [InlineData(20, 2.0 / (32 * 9), "layer3.0.conv1.weight")]
    [InlineData(20, 2.0 / 64, "linear.weight")]
    public void ResNetsAreDrawnFromKaimingNormals(int depth, double variance, string name)
    {
        using var _ = NewDisposeScope();
        var model = new ResNet { Depth = depth }.Open(Cifar, 10, new(1), ScalarType.Float64, CPU);
        var weight = model.Parameters[model.Layout.IndexOf(name)];
        Assert.InRange(weight.var().ToDouble() / variance, 0.9, 1.1);
        Assert.True(model.Parameters[model.Layout.IndexOf("bn1.weight")].eq(1).all().item<bool>());
        Assert.True(model.Buffers["bn1.running_mean"].eq(0).all().item<bool>());
    }

    public static TheoryData<Architecture, ImageShape, string> Misfits => new()
    {
        { new Mlp { Depth = 0 }, Cifar, "/depth is 0: give a number from 1 to 200" },
        { new ResNet { Depth = 50 }, Cifar, "/depth is 50: give one of 18, 20, 32, 56" },
        { new ResNet { Depth = 20, Stem = ResNetStem.ImageNet }, Cifar, "no ImageNet stem" },
        { new ConvNet { Width = 16 }, new(3, 8, 8), "image is too small" },
    };

    [Theory, MemberData(nameof(Misfits))]
    public void WhatDoesNotFitIsSaidInASentence(Architecture architecture, ImageShape input, string sentence) =>
        Refusal.Says(sentence, () => architecture.Open(input, 10, new(1), ScalarType.Float32, CPU));

    [Fact]
    public void AWrongImageShapeIsSaidInASentence()
    {
        using var model = new LeNet().Open(Cifar, 10, new(3), ScalarType.Float32, CPU);
        using var images = zeros(2, 1, 32, 32);
        Assert.Equal("The model takes images of 3x32x32, but the batch has shape [2,1,32,32].",
            Assert.Throws<AfterimageException>(() => model.Logits(images)).Message);
    }

    [Fact]
    public void OneValuePerChannelHasNoStatistics()
    {
        using var _ = NewDisposeScope();
        Network network = new(new(1, 1, 1), 2, [new BatchNorm2d("bn", 1), new Flatten(), new Linear("fc", 1, 2)]);
        using var model = new NetworkModel(network, Normalization.None(1), [ones(1), zeros(1), ones(2, 1), zeros(2)],
            new() { ["bn.running_mean"] = zeros(1), ["bn.running_var"] = ones(1) });
        Refusal.Says("batch of two or more", () => model.Logits(ones(1, 1, 1, 1), ModelMode.Train));
    }

    [Theory]
    [InlineData(20, 0.91)]
    [InlineData(56, 0.92)]
    public void PublishedWeightsReachTheirAccuracy(int depth, double least)
    {
        var weights = Shared.Path("data", "weights", $"cifar10_resnet{depth}.safetensors");
        var records = File.ReadAllBytes(Shared.Path("data", "cifar10", "test_batch_first1000.bin"));
        using var _ = NewDisposeScope();
        using var __ = no_grad();
        var model = new ResNet { Depth = depth, Weights = weights, Normalization = new([.485, .456, .406], [.229, .224, .225]) }
            .Open(Cifar, 10, new(1), ScalarType.Float32, CPU);
        var batch = tensor(records[..(200 * 3073)]).view(200, 3073).to(ScalarType.Int64);
        var found = model.Logits(batch.narrow(1, 1, 3072).view(200, 3, 32, 32).to(ScalarType.Float32) / 255).argmax(1);
        var accuracy = found.eq(batch.select(1, 0)).to(ScalarType.Float64).mean().ToDouble();
        TestContext.Current.TestOutputHelper?.WriteLine($"ResNet-{depth}: {accuracy:p1}");
        Assert.InRange(accuracy, least, 1);
    }

    [Fact]
    public void WeightsOfAnotherArchitectureAreRefusedByName()
    {
        var weights = Shared.Path("data", "weights", "cifar10_resnet20.safetensors");
        Refusal.Says("body.0.weight", () => new LeNet { Weights = weights }.Open(Cifar, 10, new(1), ScalarType.Float32, CPU));
    }
}
