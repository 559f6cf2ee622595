using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using CsCheck;

namespace Afterimage.Tests.Numerics.Arrays;

/// <summary>
/// Whatever the bytes are, reading ends in arrays or in an AfterimageException, and never in memory that a header asked for.
/// </summary>
public class HostileFileTests
{
    private static readonly NamedArray[] Arrays =
    [
        NamedArray.Of("conv.weight", [2, 1, 3], [1f, -2, 3, 4, 5, 6]), NamedArray.Of("conv.bias", [2], [0.5, 2]),
        NamedArray.Of("steps", [], [3L]),
    ];

    private static readonly byte[][] Valid = [Written(Safetensors.Write), Written(Npz.Write),
        Written((stream, arrays) => Npy.Write(stream, arrays[0]))];

    private static byte[] Written(Action<Stream, IReadOnlyList<NamedArray>> write)
    {
        using var stream = new MemoryStream();
        write(stream, Arrays);
        return stream.ToArray();
    }

    private static bool EndsWell(byte[] bytes)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            _ = ArrayFile.Read(new MemoryStream(bytes), "hostile").Arrays.Sum(array => array.ToDouble().Length);
        }
        catch (AfterimageException error) when (error.Message.Contains("hostile", StringComparison.Ordinal))
        {
        }
        return GC.GetAllocatedBytesForCurrentThread() - before < 16 << 20;
    }

    [Fact]
    public void A_message_of_NVFlare_is_refused_with_what_to_save_instead() => Refusal.Says("is a FOBS message of NVFlare",
        () => ArrayFile.Read(new MemoryStream([0x83, 0xab, .. "__fobs_dc__"u8, 0xa3, .. "abc"u8, .. new byte[40]]), "hostile"));

    [Fact]
    public void Random_bytes() => Gen.Byte.Array[0, 300].Sample(EndsWell, iter: 3000, threads: 1, seed: "0000KOIPe_G3");

    [Fact]
    public void Random_bytes_behind_a_true_beginning() =>
        Gen.Select(Gen.OneOf(Valid), Gen.Int[1, 200], Gen.Byte.Array[0, 200])
            .Sample((file, kept, tail) => EndsWell([.. file.Take(kept), .. tail]), iter: 3000, threads: 1, seed: "0000KOIPe_G3");

    [Fact]
    public void Mutations_of_true_files()
    {
        var edit = Gen.Select(Gen.Int[0, 4000], Gen.OneOf(Gen.Byte, Gen.OneOf<byte>(0, 1, 0x7F, 0x80, 0xFF, (byte)'9', (byte)'-')));
        Gen.Select(Gen.OneOf(Valid), edit.Array[1, 6]).Sample((file, edits) =>
        {
            var bytes = file.ToArray();
            foreach (var (at, value) in edits)
                bytes[at % bytes.Length] = value;
            return EndsWell(bytes);
        }, iter: 6000, threads: 1, seed: "0000KOIPe_G3");
    }

    [Fact]
    public void Every_truncation_of_a_true_file()
    {
        foreach (var file in Valid)
            for (var length = 0; length < file.Length; length++)
            {
                var cut = file[..length];
                Assert.Throws<AfterimageException>(() => ArrayFile.Read(new MemoryStream(cut), "cut"));
            }
    }

    [Fact]
    public void Round_trips() =>
        Gen.Select(Gen.Long[0, 4].Array[0, 4],
            Gen.OneOf(ElementType.Float32, ElementType.Float64, ElementType.Int64, ElementType.UInt8, ElementType.Float16))
            .SelectMany((shape, type) => Gen.Byte.Array[(int)(shape.Aggregate(1L, (a, b) => a * b) * SizeOf(type))]
                .Select(bytes => new NamedArray("x", shape.ToValueList(), type, bytes)))
            .Sample(array =>
            {
                foreach (var write in (Action<Stream, IReadOnlyList<NamedArray>>[])[Safetensors.Write, Npz.Write])
                {
                    using var stream = new MemoryStream();
                    write(stream, [array]);
                    stream.Position = 0;
                    var read = ArrayFile.Read(stream, "file").Arrays.Single();
                    if (read.Shape != array.Shape || read.Type != array.Type || !read.Bytes.SequenceEqual(array.Bytes))
                        return false;
                }
                return true;
            }, iter: 500, threads: 1, seed: "0000KOIPe_G3");

    private static int SizeOf(ElementType type) => type switch
    {
        ElementType.Float64 or ElementType.Int64 => 8, ElementType.Float32 => 4, ElementType.Float16 => 2, _ => 1,
    };

    [Fact]
    public void Missing_files_pickles_and_folders_are_named()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("does not exist", Assert.Throws<AfterimageException>(() => ArrayFile.Read(folder["none.npz"])).Message);
        Assert.Contains("is a directory", Assert.Throws<AfterimageException>(() => ArrayFile.Read(folder.Path)).Message);
        var pickle = folder.Write("update.pkl", [0x80, 4, 0x95, 0, 0, 0, 0, 0]);
        Assert.Contains("pickle", Assert.Throws<AfterimageException>(() => ArrayFile.Read(pickle)).Message);
        Assert.Contains(".safetensors or .npz", Assert.Throws<AfterimageException>(() => ArrayFile.Write(folder["u.bin"], Arrays)).Message);
    }
}
