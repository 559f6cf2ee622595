using Afterimage.Models;
using Afterimage.Numerics;

namespace Afterimage.Benchmarks;

/// <summary>A model on which the compiled operator meets bare libtorch.</summary>
/// <param name="Name">As the tables print it.</param>
/// <param name="Source">The model.</param>
/// <param name="Side">Pixels of a side of its color images.</param>
/// <param name="Batch">Images.</param>
/// <param name="Target">How many times as fast as bare libtorch one evaluation should be.</param>
internal sealed record BenchmarkCase(string Name, ModelSource Source, int Side, int Batch, double Target)
{
    public static readonly BenchmarkCase[] All =
    [
        new("LeNet, batch 1", new LeNet(), 32, 1, 6),
        new("LeNet, batch 8", new LeNet(), 32, 8, 4),
        new("MLP 3072-256-256-256-10, batch 1", new Mlp(), 32, 1, 3),
        new("ConvNet-16, batch 1", new ConvNet { Width = 16 }, 32, 1, 1.5),
        new("ResNet-20, batch 1", new ResNet { Depth = 20 }, 32, 1, 1.5),
        new("ResNet-18, ImageNet stem, 64 px", new ResNet { Stem = ResNetStem.ImageNet }, 64, 1, 1.5),
        new("ResNet-18, 3x3 stem, 32 px", new ResNet(), 32, 1, 1.5),
        new("MobileNetV2, 64 px", new MobileNetV2(), 64, 1, 1.3),
        new("VGG-11, linear head, 32 px", new Vgg11 { Hidden = 0 }, 32, 1, 1),
        new("VGG-11, 4096-wide head, 32 px", new Vgg11(), 32, 1, 1),
    ];

    public ImageShape Input => new(3, Side, Side);

    /// <summary>The cases whose names hold one of the words; all where there is no word.</summary>
    public static IEnumerable<BenchmarkCase> Named(string[] words) => All.Where(each => IsNamed(each.Name, words));

    public static bool IsNamed(string name, string[] words) =>
        words.Length == 0 || words.Any(word => name.Contains(word, StringComparison.OrdinalIgnoreCase));
}
