using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;

namespace Afterimage.Tests.Numerics.Arrays;

public class NpzTests
{
    internal static byte[] Npy(string header, byte[] data, byte version = 1)
    {
        byte[] length = version == 1 ? [(byte)header.Length, (byte)(header.Length >> 8)]
            : [(byte)header.Length, (byte)(header.Length >> 8), 0, 0];
        return [0x93, .. "NUMPY"u8, version, 0, .. length, .. Encoding.ASCII.GetBytes(header), .. data];
    }

    private static byte[] Zip(CompressionLevel level, params (string Name, byte[] Bytes)[] entries)
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var (name, bytes) in entries)
            {
                using var content = zip.CreateEntry(name, level).Open();
                content.Write(bytes);
            }
        return stream.ToArray();
    }

    private static NamedArray ReadNpy(string header, byte[] data, byte version = 1) =>
        Afterimage.Numerics.Arrays.Npy.Read(Npy(header, data, version), "u.npz", "w");

    private static IReadOnlyList<NamedArray> Read(byte[] zip) => Npz.Read(new MemoryStream(zip), "u.npz").Arrays;

    private static string Header(string descriptor, string shape, bool columnMajor = false) =>
        $"{{'descr': '{descriptor}', 'fortran_order': {columnMajor}, 'shape': {shape}, }}\n";

    [Fact]
    public void What_is_written_is_read()
    {
        NamedArray[] arrays =
        [
            NamedArray.Of("layer.0.weight", [2, 3], [1f, 2, 3, 4, 5, 6]),
            NamedArray.Of("scalar", [], [2.5]),
            NamedArray.Of("one", [1], [9L]),
        ];
        using var stream = new MemoryStream();
        Npz.Write(stream, arrays);
        var read = Read(stream.ToArray());
        Assert.Equal(arrays.Select(a => (a.Name, a.Shape, a.Type, Convert.ToHexString(a.Bytes))),
            read.Select(a => (a.Name, a.Shape, a.Type, Convert.ToHexString(a.Bytes))));
        using var again = new MemoryStream();
        Npz.Write(again, arrays);
        Assert.Equal(stream.ToArray(), again.ToArray());
    }

    [Fact]
    public void Deflated_and_stored_archives_hold_the_same()
    {
        var npy = Npy(Header("<i4", "(3,)"), [1, 0, 0, 0, 2, 0, 0, 0, 255, 255, 255, 255]);
        foreach (var level in (CompressionLevel[])[CompressionLevel.NoCompression, CompressionLevel.Optimal])
            Assert.Equal([1, 2, -1], Read(Zip(level, ("w.npy", npy)))[0].ToInt64());
    }

    [Fact]
    public void Nameless_arrays_come_in_the_order_of_their_numbers()
    {
        var one = Npy(Header("|u1", "()"), [1]);
        var read = Read(Zip(CompressionLevel.Optimal,
            [.. new[] { 0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9 }.Select(i => ($"arr_{i}.npy", one))]));
        Assert.Equal(Enumerable.Range(0, 12).Select(i => $"arr_{i}"), read.Select(array => array.Name));
    }

    [Theory]
    [InlineData("<f2", "003E00C0", 1.5, -2)]
    [InlineData(">f2", "3E00C000", 1.5, -2)]
    [InlineData("<f4", "0000C03F000000C0", 1.5, -2)]
    [InlineData(">f4", "3FC00000C0000000", 1.5, -2)]
    [InlineData(">f8", "3FF8000000000000C000000000000000", 1.5, -2)]
    [InlineData("|i1", "01FE", 1, -2)]
    [InlineData(">i2", "0001FFFE", 1, -2)]
    [InlineData("<i8", "0100000000000000FEFFFFFFFFFFFFFF", 1, -2)]
    [InlineData("|u1", "01FE", 1, 254)]
    [InlineData("<u2", "0100FEFF", 1, 65534)]
    [InlineData("|b1", "0001", 0, 1)]
    public void Every_element_type_and_byte_order_is_read(string descriptor, string hex, double first, double second)
    {
        for (byte version = 1; version <= 3; version++)
            Assert.Equal([first, second], ReadNpy(Header(descriptor, "(2,)"), Convert.FromHexString(hex), version).ToDouble());
    }

    [Fact]
    public void Column_major_order_is_transposed()
    {
        // numpy.asfortranarray(numpy.arange(24).reshape(2, 3, 4)) as it lies in memory.
        byte[] columns = [0, 12, 4, 16, 8, 20, 1, 13, 5, 17, 9, 21, 2, 14, 6, 18, 10, 22, 3, 15, 7, 19, 11, 23];
        var read = ReadNpy(Header("|u1", "(2, 3, 4)", columnMajor: true), columns);
        Assert.Equal(Enumerable.Range(0, 24).Select(i => (long)i), read.ToInt64());
        Assert.Equal((ValueList<long>)[2, 3, 4], read.Shape);
    }

    [Theory]
    [InlineData("|O", "(1,)", "pickled")]
    [InlineData("<c8", "(1,)", "<c8")]
    [InlineData("|V2", "(1,)", "|V2")]
    [InlineData("<U3", "(1,)", "<U3")]
    [InlineData("<f4", "(-1,)", "impossible shape")]
    [InlineData("<f4", "(nan,)", "whole numbers")]
    [InlineData("<f4", "(2,)", "needs 8")]
    [InlineData("<f4", "(9223372036854775807, 9223372036854775807)", "impossible shape")]
    [InlineData("<f4", "(9223372036854775808,)", "whole numbers")]
    [InlineData("<f4", "[1]", "damaged")]
    public void A_false_header_is_named(string descriptor, string shape, string reason)
    {
        var error = Assert.Throws<AfterimageException>(() => ReadNpy(Header(descriptor, shape), new byte[4]));
        Assert.StartsWith("u.npz: tensor \"w\"", error.Message);
        Assert.Contains(reason, error.Message);
    }

    [Theory]
    [InlineData("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "structured")]
    [InlineData("{'descr': '<f4', 'shape': (1,)}", "damaged")]
    [InlineData("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "damaged")]
    [InlineData("{'descr': '<f4', 'fortran_order': __import__('os'), 'shape': (1,)}", "damaged")]
    [InlineData("", "damaged")]
    [InlineData("{", "damaged")]
    public void A_broken_header_is_named(string header, string reason) =>
        Assert.Contains(reason, Assert.Throws<AfterimageException>(() => ReadNpy(header, new byte[4])).Message);

    [Fact]
    public void Foreign_entries_are_named()
    {
        var one = Npy(Header("|u1", "()"), [1]);
        string Fault(params (string, byte[])[] entries) =>
            Assert.Throws<AfterimageException>(() => Read(Zip(CompressionLevel.Optimal, entries))).Message;
        Assert.Contains("torch.save", Fault(("archive/data.pkl", [0x80, 2])));
        Assert.Contains("readme.txt", Fault(("w.npy", one), ("readme.txt", [1])));
        Assert.Contains("twice", Fault(("w.npy", one), ("w.npy", one)));
        Assert.Contains("NUMPY", Fault(("w.npy", [1, 2, 3])));
    }

    [Fact]
    public void A_zip_bomb_is_refused_before_it_unpacks()
    {
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
        {
            using var content = zip.CreateEntry("w.npy", CompressionLevel.Fastest).Open();
            content.Write(Npy(Header("|u1", $"({300 << 20},)"), []));
            var zeros = new byte[1 << 20];
            for (var i = 0; i < 300; i++)
                content.Write(zeros);
        }
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("beyond its size", Assert.Throws<AfterimageException>(() => Read(stream.ToArray())).Message);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 16 << 20);
    }

    [Fact]
    public void An_archive_that_lies_about_its_sizes_allocates_only_what_arrives()
    {
        var zip = Zip(CompressionLevel.Optimal, ("w.npy", Npy(Header("|u1", "(4,)"), [1, 2, 3, 4])));
        var central = zip.AsSpan().LastIndexOf("PK\u0001\u0002"u8);
        BinaryPrimitives.WriteUInt32LittleEndian(zip.AsSpan(central + 24), 200 << 20);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<AfterimageException>(() => Read(zip));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 8 << 20);
    }

    [Fact]
    public void A_flipped_bit_in_the_numbers_is_noticed()
    {
        var zip = Zip(CompressionLevel.NoCompression, ("w.npy", Npy(Header("|u1", "(4,)"), [10, 20, 30, 40])));
        zip[zip.AsSpan().IndexOf((ReadOnlySpan<byte>)[10, 20, 30, 40])] ^= 1;
        Assert.Contains("\"w\"", Assert.Throws<AfterimageException>(() => Read(zip)).Message);
    }
}
