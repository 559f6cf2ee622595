using Afterimage.Audit.Clients;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using static TorchSharp.torch.nn;

namespace Afterimage.Audit.Judging;

/// <summary>
/// The trunk of SqueezeNet 1.1 with torchvision's names (features.0.weight to features.12.expand3x3.bias) and Caffe's inputs: blue, green,
/// red from 0 to 255, less 103.939, 116.779 and 123.68.
/// </summary>
public sealed class SqueezeTrunk : IDisposable
{
    /// <summary>Pixels of the shorter side below which the last pooling has nothing left.</summary>
    public const int LeastSide = 27;

    private static readonly (int Place, int Input, int Squeezed, int Expanded)[] Fires =
    [
        (3, 64, 16, 64), (4, 128, 16, 64), (6, 128, 32, 128), (7, 256, 32, 128),
        (9, 256, 48, 192), (10, 384, 48, 192), (11, 384, 64, 256), (12, 512, 64, 256),
    ];

    // A depth ends before each pooling and after each of the last four fires.
    private static readonly int[] Ends = [4, 7, 9, 10, 11, 12];
    private static readonly int[] Pooled = [3, 6, 9];

    private readonly Dictionary<string, Tensor> weights;

    private SqueezeTrunk(Dictionary<string, Tensor> weights) => this.weights = weights;

    /// <summary>Reads a file of weights.</summary>
    /// <exception cref="AfterimageException">It is no such file.</exception>
    public static SqueezeTrunk Open(string path)
    {
        var stored = Weights.Load(path, Expected());
        return new(stored.ToDictionary(pair => pair.Key, pair => pair.Value.ToTensor(ScalarType.Float32, CPU).DetachFromDisposeScope()));
    }

    /// <summary>Names and shapes of all weights.</summary>
    internal static IEnumerable<(string Name, long[] Shape)> Expected() =>
    [
        ("features.0.weight", [64, 3, 3, 3]), ("features.0.bias", [64]),
        .. Fires.SelectMany(fire => (IEnumerable<(string, long[])>)
        [
            ($"features.{fire.Place}.squeeze.weight", [fire.Squeezed, fire.Input, 1, 1]),
            ($"features.{fire.Place}.squeeze.bias", [fire.Squeezed]),
            ($"features.{fire.Place}.expand1x1.weight", [fire.Expanded, fire.Squeezed, 1, 1]),
            ($"features.{fire.Place}.expand1x1.bias", [fire.Expanded]),
            ($"features.{fire.Place}.expand3x3.weight", [fire.Expanded, fire.Squeezed, 3, 3]),
            ($"features.{fire.Place}.expand3x3.bias", [fire.Expanded]),
        ]),
    ];

    /// <summary>The space of its normalized features; it uses the trunk's weights.</summary>
    public FeatureSpace Space() => new(Features);

    private double[] Features(Image image)
    {
        using var scope = Tidy.Scope();
        using var _ = no_grad();
        var x = Tensors.From(new ImageBatch(image.Shape, [image.Pixels.ToArray()]), ScalarType.Float32, CPU);
        x = x.shape[1] == 3 ? x.flip(1) : x.expand(-1, 3, -1, -1);
        x = x * 255 - tensor(new[] { 103.939f, 116.779f, 123.68f }).view(1, 3, 1, 1);
        x = functional.conv2d(x, weights["features.0.weight"], weights["features.0.bias"], [2, 2]).relu();
        var depths = new List<Tensor> { x };
        foreach (var (place, _, _, _) in Fires)
        {
            if (Pooled.Contains(place))
                x = functional.max_pool2d(x, 3, 2, ceil_mode: true);
            x = Fire(x, place);
            if (Ends.Contains(place))
                depths.Add(x);
        }
        return [.. depths.SelectMany(Normalized)];
    }

    private Tensor Fire(Tensor x, int place)
    {
        Tensor Through(Tensor from, string part, long padding) => functional.conv2d(from, weights[$"features.{place}.{part}.weight"],
            weights[$"features.{place}.{part}.bias"], padding: [padding, padding]).relu();
        var squeezed = Through(x, "squeeze", 0);
        return cat([Through(squeezed, "expand1x1", 0), Through(squeezed, "expand3x3", 1)], 1);
    }

    private static double[] Normalized(Tensor depth) =>
        (depth / (depth.square().sum(1, keepdim: true).sqrt() + 1e-10) / Math.Sqrt(depth.shape[2] * depth.shape[3]))
            .to(ScalarType.Float64).contiguous().data<double>().ToArray();

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in weights.Values)
            tensor.Dispose();
    }
}
