using System.Buffers.Binary;
using System.IO.Compression;
using Afterimage.Numerics.Arrays;

namespace Afterimage.Data;

/// <summary>The data sets in IDX files.</summary>
public enum IdxSet
{
    /// <summary>MNIST (LeCun et al., 1998).</summary>
    Mnist,

    /// <summary>Fashion-MNIST (Xiao et al., 2017).</summary>
    FashionMnist,
}

/// <summary>Gray images in gzipped IDX files: MNIST (LeCun et al., 1998) or Fashion-MNIST (Xiao et al., 2017).</summary>
[Cites("lecun1998gradient", "xiao2017fashion")]
public sealed record IdxImages : DataSource
{
    private const int LargestFile = 1 << 30;

    /// <summary>Which data set.</summary>
    public IdxSet Set { get; init; } = IdxSet.Mnist;

    /// <summary>Which images.</summary>
    public Split Split { get; init; } = Split.Test;

    /// <summary>The folder of the .gz files; null searches <see cref="DataFolders"/>.</summary>
    public string? Folder { get; init; }

    /// <inheritdoc/>
    public override ImageSet Open()
    {
        var entry = Set == IdxSet.Mnist ? DataCatalog.Mnist : DataCatalog.FashionMnist;
        var split = Split == Split.Test ? "t10k" : "train";
        string[] names = [$"{split}-images-idx3-ubyte.gz", $"{split}-labels-idx1-ubyte.gz"];
        var folder = DataFolders.Standard().Find(entry, Folder, names);
        var images = Read(Path.Combine(folder, names[0]), 3);
        var labels = Read(Path.Combine(folder, names[1]), 1);
        if (images.Extents[0] != labels.Extents[0])
            throw ArrayFault.File(folder, $"has {images.Extents[0]} images and {labels.Extents[0]} labels: fetch both files again");
        ValueList<string> classes = Set == IdxSet.Mnist ? ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
            : ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"];
        if (labels.Bytes.AsSpan(labels.Start).ContainsAnyExceptInRange<byte>(0, (byte)(classes.Count - 1)))
            throw new AfterimageException($"{Path.Combine(folder, names[1])} has labels above {classes.Count - 1}: fetch it again.");
        return new Images(entry.Title, images, labels, classes);
    }

    private sealed record Block(byte[] Bytes, int Start, int[] Extents);

    private static Block Read(string path, int rank)
    {
        var start = 4 + 4 * rank;
        byte[] bytes;
        try
        {
            using var stream = new GZipStream(File.OpenRead(path), CompressionMode.Decompress);
            bytes = StreamBytes.Read(stream, LargestFile);
        }
        catch (Exception error) when (error is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw ArrayFault.File(path, $"cannot be unpacked ({error.Message.TrimEnd('.')}): fetch it again", error);
        }
        if (bytes.Length < start || bytes[0] != 0 || bytes[1] != 0 || bytes[2] != 8 || bytes[3] != rank)
            throw ArrayFault.File(path, $"is not an IDX file of bytes with {rank} dimensions: fetch it again");
        var extents = Enumerable.Range(0, rank).Select(i => BinaryPrimitives.ReadInt32BigEndian(bytes.AsSpan(4 + 4 * i))).ToArray();
        if (extents.Any(extent => extent is < 1 or > 1 << 24) || extents.Aggregate((Int128)1, (a, b) => a * b) != bytes.Length - start)
            throw ArrayFault.File(path,
                $"claims {string.Join("x", extents)} bytes and has {bytes.Length - start}: it is cut or damaged; fetch it again");
        return new(bytes, start, extents);
    }

    private sealed class Images(string name, Block images, Block labels, ValueList<string> classes)
        : ImageSet(name, new(1, images.Extents[1], images.Extents[2]), images.Extents[0], classes)
    {
        protected override LabeledImage Read(int index) => new(
            Array.ConvertAll(images.Bytes.AsSpan(images.Start + index * Shape.Count, Shape.Count).ToArray(), value => value / 255f),
            labels.Bytes[labels.Start + index]);
    }
}
