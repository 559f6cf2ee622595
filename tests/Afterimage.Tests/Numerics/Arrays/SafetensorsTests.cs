using System.Buffers.Binary;
using System.Text;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;

namespace Afterimage.Tests.Numerics.Arrays;

public class SafetensorsTests
{
    private static byte[] File(string header, int data)
    {
        var bytes = new byte[8 + header.Length + data];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, header.Length);
        Encoding.ASCII.GetBytes(header).CopyTo(bytes, 8);
        return bytes;
    }

    private static IReadOnlyList<NamedArray> Read(byte[] bytes) => Safetensors.Read(new MemoryStream(bytes), "w.safetensors").Arrays;

    [Fact]
    public void What_is_written_is_read()
    {
        NamedArray[] arrays =
        [
            NamedArray.Of("b.weight", [2, 3], [1f, 2, 3, 4, 5, 6]),
            NamedArray.Of("a", [], [-1.5]),
            NamedArray.Of("empty", [0, 7], Array.Empty<float>()),
            NamedArray.Of("steps \"\u00e9\"", [2], [7L, -8]),
        ];
        using var stream = new MemoryStream();
        Safetensors.Write(stream, arrays);
        var read = Read(stream.ToArray());
        Assert.Equal(arrays.Select(a => (a.Name, a.Shape, a.Type, Convert.ToHexString(a.Bytes))),
            read.Select(a => (a.Name, a.Shape, a.Type, Convert.ToHexString(a.Bytes))));
        Assert.Equal(0, BinaryPrimitives.ReadInt64LittleEndian(stream.ToArray()) % 8);
    }

    [Fact]
    public void Half_precision_becomes_numbers()
    {
        var file = File("""{"f":{"dtype":"F16","shape":[2],"data_offsets":[0,4]},"b":{"dtype":"BF16","shape":[2],"data_offsets":[4,8]}}""",
            8);
        byte[] numbers = [0x00, 0x3E, 0x00, 0xFC, 0xC0, 0x3F, 0x80, 0xC0];
        numbers.CopyTo(file, file.Length - 8);
        var read = Read(file);
        Assert.Equal([1.5f, float.NegativeInfinity], read[0].ToSingle());
        Assert.Equal([1.5, -4], read[1].ToDouble());
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 8, "\"a\" has 4 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4, "cut")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}""", 4, "-4")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}""", 4, "4 to 0")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 4,
        "overlaps")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "gap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 8, "8 bytes of numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}""", 0,
        "twice")]
    [InlineData("""{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}""", 1, "F8_E4M3")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 4, "impossible shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}""", 0, "impossible shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}""", 4, "not JSON")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}""", 4, "whole numbers")]
    [InlineData("""{"a":{"dtype":"F32","shape":"1","data_offsets":[0,4]}}""", 4, "whole numbers")]
    [InlineData("""{"a":7}""", 0, "\"a\"")]
    [InlineData("""[]""", 0, "JSON object")]
    [InlineData("""{"\ud800":7}""", 0, "not JSON")]
    public void A_false_header_is_named(string header, int data, string reason)
    {
        var error = Assert.Throws<AfterimageException>(() => Read(File(header, data)));
        Assert.StartsWith("w.safetensors", error.Message);
        Assert.Contains(reason, error.Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(8)]
    public void A_stub_is_named(int length) => Assert.Throws<AfterimageException>(() => Read([.. Enumerable.Repeat((byte)0xFF, length)]));

    [Fact]
    public void A_promise_of_gigabytes_allocates_nothing()
    {
        var file = File("""{"a":{"dtype":"F32","shape":[400000000],"data_offsets":[0,1600000000]}}""", 16);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<AfterimageException>(() => Read(file));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }
}
