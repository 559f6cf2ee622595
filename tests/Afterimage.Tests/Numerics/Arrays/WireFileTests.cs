using System.Text;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using Afterimage.Tests.Numerics.Arrays.TorchSave;

namespace Afterimage.Tests.Numerics.Arrays;

/// <summary>Messages of federated frameworks, written here field by field.</summary>
public class WireFileTests
{
    private static readonly byte[] Two = [0, 0, 0x80, 0x3f, 0, 0, 0, 0x40];

    private static byte[] Varint(long value)
    {
        var bytes = new List<byte>();
        for (; value >= 0x80; value >>= 7)
            bytes.Add((byte)(value | 0x80));
        return [.. bytes, (byte)value];
    }

    private static byte[] Field(int number, byte[] value) => [.. Varint(number << 3 | 2), .. Varint(value.Length), .. value];

    private static byte[] Text(int number, string text) => Field(number, Encoding.UTF8.GetBytes(text));

    private static byte[] Npy(NamedArray array)
    {
        using var stream = new MemoryStream();
        Afterimage.Numerics.Arrays.Npy.Write(stream, array);
        return stream.ToArray();
    }

    /// <summary>OpenFL's NamedTensor as its default pipeline writes it: the shape in the metadata, raw float32.</summary>
    private static byte[] OpenFl(string name, byte[] shape, byte[] data, byte[]? more = null) => Field(1,
        [.. Text(1, name), .. Varint(2 << 3), 7, .. Varint(3 << 3), 1, .. Text(5, "trained"),
            .. Field(6, [.. Field(2, shape), .. more ?? []]), .. Field(7, data)]);

    private static ArrayFile Read(params byte[][] fields) =>
        ArrayFile.Read(new MemoryStream([.. fields.SelectMany(field => field)]), "w.pbuf");

    private static string Fault(params byte[][] fields) => Assert.Throws<AfterimageException>(() => Read(fields)).Message;

    [Fact]
    public void OpenFLs_model_is_read_without_the_optimizers_state()
    {
        var read = Read(OpenFl("fc.weight", [1, 2], Two), OpenFl("fc.bias", [2], Two), OpenFl("__opt_state_0_step", [2], Two));
        Assert.Equal(["fc.weight", "fc.bias"], read.Arrays.Select(array => array.Name));
        Assert.Equal((ValueList<long>)[1, 2], read["fc.weight"].Shape);
        Assert.Equal([1f, 2], read["fc.weight"].ToSingle());
        Assert.Contains("compression pipeline", Fault(OpenFl("w", [2], Two, Field(1, [8, 0, 21, 0, 0, 0, 0]))), StringComparison.Ordinal);
        Assert.Contains("has 8 bytes", Fault(OpenFl("w", [3], Two)), StringComparison.Ordinal);
        Assert.Contains("twice", Fault(OpenFl("w", [2], Two), OpenFl("w", [2], Two)), StringComparison.Ordinal);
    }

    [Fact]
    public void Flowers_messages_are_read_as_a_list_and_by_name()
    {
        var array = NamedArray.Of("w", [2], [1f, 2]);
        var list = Read(Field(1, Npy(array)), Field(1, Npy(array)), Text(2, "numpy.ndarray"));
        Assert.Equal(["arr_0", "arr_1"], list.Arrays.Select(found => found.Name));
        byte[] message = [.. Text(1, "float32"), .. Field(2, [2]), .. Text(3, "numpy.ndarray"), .. Field(4, Npy(array))];
        Assert.Equal([1f, 2], Read(Text(1, "fc.weight"), Text(1, "fc.bias"), Field(2, message), Field(2, message))["fc.bias"].ToSingle());
        Assert.Equal([1f, 2], Read(Field(1, [.. Text(1, "fc.weight"), .. Field(2, message)]))["fc.weight"].ToSingle());
    }

    [Fact]
    public void Mutations_end_in_arrays_or_in_one_sentence()
    {
        var random = new Random(1);
        byte[][] valid = [[.. OpenFl("fc.weight", [1, 2], Two), .. OpenFl("fc.bias", [2], Two)],
            Field(1, Npy(NamedArray.Of("w", [2], [1f, 2])))];
        for (var i = 0; i < 2000; i++)
            Assert.True(HostilePickleTests.EndsWell(HostilePickleTests.Mutated(valid[i % 2], random)), $"mutation {i}");
    }
}
