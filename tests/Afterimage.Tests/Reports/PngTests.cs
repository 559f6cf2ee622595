using System.Buffers.Binary;
using System.IO.Compression;
using Afterimage.Reports;

namespace Afterimage.Tests.Reports;

[Collection(Apart.Collection)]
public sealed class PngTests
{
    [Theory]
    [InlineData(3, 2, 3)]
    [InlineData(1, 1, 3)]
    [InlineData(5, 7, 1)]
    [InlineData(300, 200, 1)]
    public void Pixels_come_back_from_the_file(int width, int height, int channels)
    {
        var pixels = Enumerable.Range(0, width * height * channels).Select(index => (byte)((index * 37) ^ (index >> 3))).ToArray();
        var file = channels == 3 ? Png.Rgb(width, height, pixels) : Png.Gray(width, height, pixels);
        Assert.Equal([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], file[..8]);

        var chunks = Chunks(file).ToArray();
        Assert.Equal(["IHDR", "IDAT", "IEND"], chunks.Select(chunk => chunk.Kind));
        var header = chunks[0].Data;
        Assert.Equal((width, height), (BinaryPrimitives.ReadInt32BigEndian(header), BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4))));
        Assert.Equal([8, (byte)(channels == 3 ? 2 : 0), 0, 0, 0], header[8..]);

        using var raw = new MemoryStream();
        using (var zlib = new ZLibStream(new MemoryStream(chunks[1].Data), CompressionMode.Decompress))
            zlib.CopyTo(raw);
        var rows = raw.ToArray().Chunk((width * channels) + 1).ToArray();
        Assert.Equal(height, rows.Length);
        Assert.All(rows, row => Assert.Equal(0, row[0]));
        Assert.Equal(pixels, rows.SelectMany(row => row[1..]));
    }

    /// <summary>The checksum of the empty IEND chunk is the same in every PNG file.</summary>
    [Fact]
    public void The_checksum_is_the_one_of_the_standard() =>
        Assert.Equal([0, 0, 0, 0, (byte)'I', (byte)'E', (byte)'N', (byte)'D', 0xAE, 0x42, 0x60, 0x82], Png.Gray(1, 1, [7])[^12..]);

    [Fact]
    public void A_wrong_number_of_bytes_is_refused()
    {
        Assert.Throws<ArgumentException>(() => Png.Rgb(2, 2, new byte[11]));
        Assert.Throws<ArgumentException>(() => Png.Gray(int.MaxValue, int.MaxValue, new byte[1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Png.Gray(0, 1, []));
    }

    private static IEnumerable<(string Kind, byte[] Data)> Chunks(byte[] file)
    {
        for (var at = 8; at < file.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(at));
            yield return (System.Text.Encoding.ASCII.GetString(file, at + 4, 4), file[(at + 8)..(at + 8 + length)]);
            at += 12 + length;
        }
    }
}
