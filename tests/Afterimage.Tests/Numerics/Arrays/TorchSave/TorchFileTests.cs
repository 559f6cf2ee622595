using System.Runtime.InteropServices;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;

namespace Afterimage.Tests.Numerics.Arrays.TorchSave;

/// <summary>What torch.save wrote is read without running anything.</summary>
public class TorchFileTests
{
    private static readonly byte[] Six = MemoryMarshal.AsBytes<float>([1f, 2, 3, 4, 5, 6]).ToArray();

    private static PickleText Whole(PickleText text) => text.Tensor("0", "FloatStorage", 6, 0, [2, 3], [3, 1]);

    private static ArrayFile Read(byte[] file) => ArrayFile.Read(new MemoryStream(file), "update.pt");

    private static string Fault(byte[] file) => Assert.Throws<AfterimageException>(() => Read(file)).Message;

    [Theory]
    [InlineData("flower-net")]
    [InlineData("flower-net-epoch")]
    [InlineData("batchnorm-net")]
    public void PyTorchs_own_files_hold_what_their_npz_twins_hold(string client)
    {
        var folder = Shared.Path("problems", "clients", client);
        var expected = ArrayFile.Read(Path.Combine(folder, "after-named.npz"));
        foreach (var name in (string[])["after.pt", "after-legacy.pt", "checkpoint.pt"])
            Equal(expected, ArrayFile.Read(Path.Combine(folder, name)));
        Assert.Equal(ArrayFormat.Torch, ArrayFile.Read(Path.Combine(folder, "after.pt")).Format);
    }

    [Fact]
    public void A_reporters_state_dicts_are_read_and_the_whole_model_is_refused_by_the_name_of_its_class()
    {
        string In(string name) => Shared.Path("problems", "reports", "c07", name);
        Equal(ArrayFile.Read(In("weights.npz")), ArrayFile.Read(In("state.pt")));
        Equal(ArrayFile.Read(In("weights.npz")), ArrayFile.Read(In("weights.pth")));
        Equal(ArrayFile.Read(In("update.npz")), ArrayFile.Read(In("update.pt")));
        Refusal.Says("\"__main__.LeNet\", which is never run: save model.state_dict()", () => ArrayFile.Read(In("whole.pt")));
        Refusal.Says("TorchScript", () => ArrayFile.Read(In("model.pt")));
    }

    [Fact]
    public void Views_of_one_storage_are_put_in_row_major_order()
    {
        var pickle = new PickleText().Dictionary(
            ("whole", Whole),
            ("tied", Whole),
            ("transposed", text => text.Tensor("0", "FloatStorage", 6, 0, [3, 2], [1, 3])),
            ("part", text => text.Tensor("0", "FloatStorage", 6, 1, [2, 2], [3, 1])),
            ("scalar", text => text.Tensor("0", "FloatStorage", 6, 4, [], [])),
            ("empty", text => text.Tensor("0", "FloatStorage", 6, 0, [0, 3], [3, 1]))).Done;
        foreach (var file in (byte[][])[PickleText.Zip(pickle, ("0", Six)), PickleText.Legacy(pickle, ("0", 4, Six))])
        {
            var read = Read(file);
            Assert.Equal([1f, 2, 3, 4, 5, 6], read["whole"].ToSingle());
            Assert.Equal([1f, 2, 3, 4, 5, 6], read["tied"].ToSingle());
            Assert.Equal([1f, 4, 2, 5, 3, 6], read["transposed"].ToSingle());
            Assert.Equal([2f, 3, 5, 6], read["part"].ToSingle());
            Assert.Equal([5f], read["scalar"].ToSingle());
            Assert.Equal((ValueList<long>)[0, 3], read["empty"].Shape);
        }
    }

    [Theory]
    [InlineData("HalfStorage", new byte[] { 0x00, 0x3c, 0x00, 0xc0 }, new double[] { 1, -2 })]
    [InlineData("BFloat16Storage", new byte[] { 0x80, 0x3f, 0x00, 0xc0 }, new double[] { 1, -2 })]
    [InlineData("DoubleStorage", new byte[] { 0, 0, 0, 0, 0, 0, 0xf0, 0x3f }, new double[] { 1 })]
    [InlineData("LongStorage", new byte[] { 7, 0, 0, 0, 0, 0, 0, 0 }, new double[] { 7 })]
    [InlineData("CharStorage", new byte[] { 0xff, 2 }, new double[] { -1, 2 })]
    [InlineData("BoolStorage", new byte[] { 1, 0 }, new double[] { 1, 0 })]
    public void Every_type_of_number_is_read(string type, byte[] bytes, double[] expected)
    {
        var pickle = new PickleText().Dictionary(("w", text => text.Tensor("0", type, expected.Length, 0, [expected.Length], [1]))).Done;
        Assert.Equal(expected, Read(PickleText.Zip(pickle, ("0", bytes)))["w"].ToDouble());
        Assert.Equal(expected, Read(PickleText.Legacy(pickle, ("0", bytes.Length / expected.Length, bytes)))["w"].ToDouble());
    }

    [Theory]
    [InlineData("state_dict")]
    [InlineData("model")]
    [InlineData("model_state_dict")]
    [InlineData("net")]
    [InlineData("anything")]
    public void The_state_dict_of_a_checkpoint_is_found(string key)
    {
        var pickle = new PickleText().Dictionary(
            ("epoch", text => text.Number(3)),
            ("best_loss", text => text.Tensor("0", "FloatStorage", 6, 0, [], [])),
            ("optimizer", text => text.Dictionary(("state", inner => inner.Op("}K\0").Dictionary(("exp_avg", Whole)).Op("s")))),
            (key, text => text.Dictionary(("fc.weight", Whole)))).Done;
        Assert.Equal("fc.weight", Assert.Single(Read(PickleText.Zip(pickle, ("0", Six))).Arrays).Name);
    }

    [Fact]
    public void Two_models_in_one_checkpoint_and_none_are_said()
    {
        var two = new PickleText().Dictionary(("teacher", text => text.Dictionary(("w", Whole))),
            ("student", text => text.Dictionary(("w", text => Whole(text))))).Done;
        Assert.Contains("\"teacher\", \"student\"", Fault(PickleText.Zip(two, ("0", Six))), StringComparison.Ordinal);
        var none = new PickleText().Dictionary(("epoch", text => text.Number(3))).Done;
        Assert.Contains("no dictionary or list of tensors", Fault(PickleText.Zip(none)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_of_tensors_or_NumPy_arrays_is_a_list_of_parameters()
    {
        var array = new PickleText().Op("]").Each([0, 1], (text, _) => Whole(text).Op("a"))
            .Global("numpy.core.multiarray", "_reconstruct").Global("numpy", "ndarray").Tuple(0).Text("b").Bytes(0x87).Op("R(")
            .Number(1).Tuple(2, 1).Global("numpy", "dtype").Text("f4").Bytes(0x85).Op("R(").Number(3).Text(">").Op("tb")
            .Bytes(0x89).Global("_codecs", "encode").Text("\u003f\u0080\0\0\u0040\0\0\0").Text("latin1").Bytes(0x86).Op("Rtba").Done;
        var read = Read(PickleText.Zip(array, ("0", Six)));
        Assert.Equal(["arr_0", "arr_1", "arr_2"], read.Arrays.Select(tensor => tensor.Name));
        Assert.Equal([1f, 2], read["arr_2"].ToSingle());
    }

    private static void Equal(ArrayFile expected, ArrayFile read)
    {
        Assert.Equal(expected.Arrays.Select(array => (array.Name, array.Shape, array.Type)),
            read.Arrays.Select(array => (array.Name, array.Shape, array.Type)));
        Assert.All(expected.Arrays.Zip(read.Arrays), pair => Assert.True(pair.First.Bytes.SequenceEqual(pair.Second.Bytes)));
    }
}
