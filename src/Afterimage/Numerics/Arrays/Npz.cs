using System.IO.Compression;
using Afterimage.Numerics.Arrays.TorchSave;

namespace Afterimage.Numerics.Arrays;

/// <summary>NumPy's archive of arrays: a zip of .npy files, stored or deflated.</summary>
internal static class Npz
{
    private const long FreeExpansion = 128L << 20;
    private static readonly DateTimeOffset Epoch = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>
    /// All arrays of an .npz, or of torch.save's zip, in the order of the archive; arr_0, arr_1, ... (the names of unnamed
    /// arrays) in the order of their numbers.
    /// </summary>
    /// <param name="stream">A seekable stream at the start of the file.</param>
    /// <param name="file">What errors call it.</param>
    /// <exception cref="AfterimageException">The archive is cut, damaged, a zip bomb, or holds anything but arrays of numbers.</exception>
    public static ArrayFile Read(Stream stream, string file)
    {
        try
        {
            using var zip = new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true);
            return TorchArchive.Folder(zip) is { } folder
                ? new(file, ArrayFormat.Torch, ArrayNames.InOrder(TorchArchive.Read(zip, folder, stream.Length, file)))
                : new(file, ArrayFormat.Npz, ArrayNames.InOrder(Read(zip, stream.Length, file)));
        }
        catch (Exception error) when (error is InvalidDataException or IOException or NotSupportedException or ArgumentException
            or OverflowException)
        {
            throw ArrayFault.File(file, "is not a readable zip archive: it is cut or damaged", error);
        }
    }

    private static List<NamedArray> Read(ZipArchive zip, long available, string file)
    {
        var allowed = FreeExpansion + available;
        var names = new HashSet<string>(StringComparer.Ordinal);
        var arrays = new List<NamedArray>();
        foreach (var entry in zip.Entries)
        {
            if (!entry.FullName.EndsWith(".npy", StringComparison.Ordinal))
                throw ArrayFault.File(file, $"holds \"{ArrayFault.Plain(entry.FullName)}\", which is not a .npy array");
            var name = entry.FullName[..^4];
            if (!names.Add(name))
                throw ArrayFault.Tensor(file, name, "is there twice");
            allowed -= entry.Length;
            if (entry.Length < 0 || allowed < 0)
                throw ArrayFault.File(file,
                    $"unpacks to more than {FreeExpansion >> 20} MB beyond its size at \"{ArrayFault.Plain(name)}\": " +
                    "save it uncompressed, with numpy.savez");
            if (entry.Length > Array.MaxLength)
                throw ArrayFault.Tensor(file, name, $"has {entry.Length} bytes; at most {Array.MaxLength} can be read");
            arrays.Add(Npy.Read(Unpack(entry, available, file, name), file, name));
        }
        return arrays;
    }

    /// <summary>The bytes of an entry, whose length and checksum must be those that the archive names.</summary>
    internal static byte[] Unpack(ZipArchiveEntry entry, long available, string file, string name)
    {
        using var content = entry.Open();
        var bytes = StreamBytes.Read(content, entry.Length, entry.CompressedLength == entry.Length ? available : 0);
        if (bytes.Length != entry.Length || content.ReadByte() >= 0)
            throw ArrayFault.Tensor(file, name, $"does not unpack to the {entry.Length} bytes that the archive names: the file is damaged");
        return Crc32.Of(bytes) == entry.Crc32 ? bytes
            : throw ArrayFault.Tensor(file, name, "does not have the checksum that the archive names: the file is damaged");
    }

    /// <summary>Writes arrays uncompressed, in the order given; the same arrays make the same bytes.</summary>
    public static void Write(Stream stream, IReadOnlyList<NamedArray> arrays)
    {
        using var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true);
        foreach (var array in arrays)
        {
            var entry = zip.CreateEntry(array.Name + ".npy", CompressionLevel.NoCompression);
            entry.LastWriteTime = Epoch;
            using var content = entry.Open();
            Npy.Write(content, array);
        }
    }
}
