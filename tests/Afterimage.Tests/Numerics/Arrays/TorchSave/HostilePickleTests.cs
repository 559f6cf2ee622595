using System.Runtime.InteropServices;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;

namespace Afterimage.Tests.Numerics.Arrays.TorchSave;

/// <summary>Whatever a pickle asks for, nothing runs, and no memory is set aside beyond the size of the file.</summary>
public class HostilePickleTests
{
    private static readonly byte[] Six = MemoryMarshal.AsBytes<float>([1f, 2, 3, 4, 5, 6]).ToArray();

    /// <summary>Every way in which a pickle can call os.system.</summary>
    private static readonly Dictionary<string, Func<PickleText, PickleText>> Calls = new()
    {
        ["GLOBAL, REDUCE"] = text => text.Global("os", "system").Text("touch run").Bytes(0x85).Op("R"),
        ["GLOBAL alone"] = text => text.Global("os", "system"),
        ["STACK_GLOBAL, REDUCE"] = text => text.Text("os").Text("system").Bytes(0x93).Text("touch run").Bytes(0x85).Op("R"),
        ["INST"] = text => text.Op("(").Text("touch run").Op("ios\nsystem\n"),
        ["OBJ"] = text => text.Op("(").Global("os", "system").Text("touch run").Op("o"),
        ["NEWOBJ"] = text => text.Global("os", "system").Text("touch run").Bytes(0x85, 0x81),
        ["NEWOBJ_EX"] = text => text.Global("os", "system").Text("touch run").Bytes(0x85).Op("}").Bytes(0x92),
        ["BUILD"] = text => text.Global("collections", "OrderedDict").Op(")R").Global("os", "system").Op("b"),
        ["partial of an allowed call"] = text => text.Global("torch._utils", "_rebuild_parameter").Op("(").Global("os", "system")
            .Bytes(0x89).Op("NtR"),
    };

    /// <summary>Every place of a state dict.</summary>
    private static readonly Dictionary<string, Func<PickleText, Func<PickleText, PickleText>, PickleText>> Places = new()
    {
        ["the whole"] = (text, call) => call(text),
        ["a value"] = (text, call) => text.Dictionary(("w", call)),
        ["a key"] = (text, call) => call(text.Op("}")).Number(1).Op("s"),
        ["a nested value"] = (text, call) => text.Dictionary(("model", inner => inner.Dictionary(("w", call)))),
        ["a storage's id"] = (text, call) => call(text.Op("(").Text("storage")).Text("0").Text("cpu").Number(6).Op("tQ"),
        ["a tensor's shape"] = (text, call) => call(text.Global("torch._utils", "_rebuild_tensor_v2").Op("(")).Op("tR"),
        ["an attribute"] = (text, call) => call(text.Global("collections", "OrderedDict").Op(")R")).Op("b"),
        ["behind the result"] = (text, call) => call(text.Op("}")).Op("0"),
    };

    public static TheoryData<string, string> Attempts => new(Calls.Keys.SelectMany(call => Places.Keys.Select(place => (call, place))));

    [Theory]
    [MemberData(nameof(Attempts))]
    public void Nothing_runs_and_the_sentence_names_what_was_asked_for(string call, string place)
    {
        var pickle = Places[place](new PickleText(), Calls[call]).Done;
        foreach (var file in (byte[][])[PickleText.Zip(pickle, ("0", Six)), PickleText.Legacy(pickle, ("0", 4, Six))])
            Assert.Contains("names \"os.system\", which is never run", Fault(file), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_pickle_of_an_old_file_is_guarded()
    {
        var file = PickleText.Legacy(new PickleText().Op("}").Done);
        var evil = Calls["GLOBAL, REDUCE"](new()).Done;
        foreach (var end in Enumerable.Range(15, file.Length - 15).Where(i => file[i - 1] == '.'))
            Assert.Contains("os.system", Fault([.. file[..end], .. evil]), StringComparison.Ordinal);
        Assert.Contains("extension registry", Fault(PickleText.Zip(new PickleText().Bytes(0x82, 1).Done)), StringComparison.Ordinal);
    }

    [Fact]
    public void Views_that_repeat_or_leave_their_storage_are_refused()
    {
        string Tensor(long count, long offset, long[] shape, long[] strides) => Fault(PickleText.Zip(new PickleText()
            .Dictionary(("w", text => text.Tensor("0", "FloatStorage", count, offset, shape, strides))).Done, ("0", Six)));
        Assert.Contains("beyond the size of the file", Tensor(6, 0, [100_000_000], [0]), StringComparison.Ordinal);
        Assert.Contains("impossible shape", Tensor(6, 0, [1L << 40, 1L << 40], [0, 0]), StringComparison.Ordinal);
        Assert.Contains("beyond its numbers", Tensor(6, 1, [6], [1]), StringComparison.Ordinal);
        Assert.Contains("beyond its numbers", Tensor(6, 0, [2], [long.MaxValue]), StringComparison.Ordinal);
        Assert.Contains("beyond its numbers", Tensor(6, 5, [2], [-1]), StringComparison.Ordinal);
        Assert.Contains("beyond its numbers", Tensor(6, -1, [2], [1]), StringComparison.Ordinal);
        Assert.Contains("24 bytes", Tensor(7, 0, [7], [1]), StringComparison.Ordinal);
    }

    [Fact]
    public void Loops_depth_and_length_are_bounded()
    {
        // A dictionary that holds itself under every usual name.
        var loop = new PickleText().Op("}q\0").Each((string[])["model", "state_dict", "net", "module"],
            (text, key) => text.Text(key).Op("h\0s")).Done;
        Assert.Contains("no dictionary", Fault(PickleText.Zip(loop)), StringComparison.Ordinal);
        var deep = new PickleText().Op(new string(']', 500_000)).Op(new string('a', 499_999)).Done;
        Assert.Contains("no dictionary", Fault(PickleText.Zip(deep)), StringComparison.Ordinal);
        var @long = new PickleText().Op(new string('N', 2_100_000)).Done;
        Assert.Contains("operations", Fault(PickleText.Zip(@long)), StringComparison.Ordinal);
        var unfinished = new PickleText().Op("((((").Done[..^1];
        Assert.Contains("damaged", Fault(PickleText.Zip(unfinished)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_short_pickle_cannot_multiply_its_memory()
    {
        var text = new string('x', 100_000);
        var repeated = new PickleText().Text(text).Op("q\0").Op("]").Each(Enumerable.Range(0, 5000),
            (pickle, _) => pickle.Global("_codecs", "encode").Op("h\0").Text("latin1").Bytes(0x86).Op("Ra")).Done;
        var before = GC.GetAllocatedBytesForCurrentThread();
        Fault(PickleText.Zip(repeated));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 32 << 20);
    }

    [Theory]
    [InlineData(1, 1000)]
    public void Mutations_end_in_arrays_or_in_one_sentence(int seed, int count)
    {
        var pickle = new PickleText().Dictionary(("epoch", text => text.Number(3)), ("model", text => text.Dictionary(
            ("a", inner => inner.Tensor("0", "FloatStorage", 6, 0, [2, 3], [3, 1])),
            ("b", inner => inner.Tensor("0", "FloatStorage", 6, 1, [2, 2], [1, 2]))))).Done;
        byte[][] valid = [PickleText.Zip(pickle, ("0", Six)), PickleText.Legacy(pickle, ("0", 4, Six)),
            PickleText.Zip(new PickleText().Op("]").Tensor("0", "FloatStorage", 6, 0, [6], [1]).Op("a").Done, ("0", Six))];
        var random = new Random(seed);
        for (var i = 0; i < count; i++)
            Assert.True(EndsWell(Mutated(valid[i % valid.Length], random)), $"mutation {i} of seed {seed}");
    }

    /// <summary>Bytes changed, cut, doubled or left out; the pickle of a zip is changed under a true checksum half the time.</summary>
    internal static byte[] Mutated(byte[] file, Random random)
    {
        var bytes = file.ToList();
        for (var edits = random.Next(1, 5); edits > 0 && bytes.Count > 0; edits--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(6))
            {
                case 0: bytes.RemoveRange(at, Math.Min(random.Next(1, 20), bytes.Count - at)); break;
                case 1: bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 20), bytes.Count - at))); break;
                case 2 when random.Next(10) == 0: bytes.RemoveRange(at, bytes.Count - at); break;
                case 3: bytes[at] = (byte)random.Next(256); break;
                case 4: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                default: bytes[at] = "(tuR.}]bQcq\u0080\u0088\u008a"u8[random.Next(10)]; break;
            }
        }
        return [.. bytes];
    }

    internal static bool EndsWell(byte[] bytes)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            _ = ArrayFile.Read(new MemoryStream(bytes), "hostile").Arrays.Sum(array => array.ToDouble().Length);
        }
        catch (AfterimageException error) when (error.Message.StartsWith("hostile", StringComparison.Ordinal))
        {
        }
        return GC.GetAllocatedBytesForCurrentThread() - before < 16 << 20;
    }

    private static string Fault(byte[] file) =>
        Assert.Throws<AfterimageException>(() => ArrayFile.Read(new MemoryStream(file), "evil.pt")).Message;
}
