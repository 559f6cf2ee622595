using System.Buffers.Binary;
using System.Security.Cryptography;
using Afterimage.Data;

namespace Afterimage.Networks;

/// <summary>Images of a data set as bytes, cropped and resized to one square shape; at each draw some are mirrored.</summary>
internal sealed class TrainingImages : IDisposable
{
    private readonly Tensor pixels;
    private readonly Tensor labels;

    /// <param name="set">Where they come from.</param>
    /// <param name="channels">Channels of an image; gray ones are repeated, and colored ones averaged.</param>
    /// <param name="side">Side of an image in pixels.</param>
    /// <param name="cancellation">Stops the reading with an <see cref="OperationCanceledException"/>.</param>
    public TrainingImages(ImageSet set, int channels, int side, CancellationToken cancellation = default)
    {
        (Name, Classes) = (set.Name, set.ClassNames.Count > 1 ? set.ClassNames.Count : 0);
        var fit = new SquareFit(set.Shape, channels, side);
        var bytes = new byte[checked((long)set.Count * channels * side * side)];
        var classes = new long[set.Count];
        for (var i = 0; i < set.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            var image = set[i];
            fit.Write(image.Pixels, bytes.AsSpan(i * channels * side * side, channels * side * side));
            classes[i] = image.Label;
        }
        Fingerprint = BinaryPrimitives.ReadUInt32LittleEndian(SHA256.HashData(bytes));
        using var scope = Tidy.Scope();
        pixels = tensor(bytes, [set.Count, channels, side, side]).DetachFromDisposeScope();
        labels = tensor(classes).DetachFromDisposeScope();
    }

    public string Name { get; }

    /// <summary>How many classes the labels tell apart; 0 where there are no labels.</summary>
    public int Classes { get; }

    public int Count => (int)pixels.shape[0];

    /// <summary>A number that other images are unlikely to have.</summary>
    public double Fingerprint { get; }

    /// <summary>Images [count,C,S,S] in [0,1] and labels [count], drawn with replacement, each mirrored with probability 1/2.</summary>
    /// <param name="count">How many.</param>
    /// <param name="among">Only the first so many images are drawn from.</param>
    /// <param name="random">Which ones.</param>
    public (Tensor Images, Tensor Labels) Draw(int count, int among, RandomSource random)
    {
        using var generator = random.Generator(CPU);
        var chosen = randint(0, among, [count], ScalarType.Int64, CPU, generator: generator);
        var mirrored = rand([count, 1, 1, 1], ScalarType.Float32, CPU, generator: generator).lt(0.5);
        var images = InUnitRange(pixels.index_select(0, chosen));
        return (where(mirrored, images.flip(3), images), labels.index_select(0, chosen));
    }

    /// <summary>Images [count,C,S,S] in [0,1] and their labels, in order.</summary>
    public (Tensor Images, Tensor Labels) At(long first, long count) =>
        (InUnitRange(pixels.narrow(0, first, count)), labels.narrow(0, first, count));

    private static Tensor InUnitRange(Tensor bytes) => bytes.to_type(ScalarType.Float32) / 255;

    public void Dispose()
    {
        pixels.Dispose();
        labels.Dispose();
    }
}
