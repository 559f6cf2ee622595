using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;

namespace Afterimage.Tests.Numerics.Arrays;

public class BlockwiseQuantizedTests
{
    private static readonly float[] Table = [.. Enumerable.Range(0, 256).Select(code => (code - 128) / 128f)];

    private static NamedArray Bytes(int count) =>
        new("fc.weight", [count], ElementType.UInt8, [.. Enumerable.Range(0, count).Select(i => (byte)i)]);

    [Theory]
    [InlineData("fc.weight.quant_map")]
    [InlineData("fc.weight.code")]
    public void Every_number_is_its_value_in_the_table_times_the_largest_of_its_block(string table)
    {
        var (arrays, deviations) = BlockwiseQuantized.Restored(
            [Bytes(5000), NamedArray.Of("fc.weight.absmax", [2], [2f, 4]), NamedArray.Of(table, [256], Table.AsSpan())], "file");
        var values = Assert.Single(arrays).ToSingle();
        Assert.Equal((2 * Table[7], 4 * Table[4096 % 256 + 5]), (values[7], values[4096 + 5]));
        Assert.InRange(deviations["fc.weight"], 2 / 128.0 / Math.Sqrt(12), 4 / 128.0 / Math.Sqrt(12));
    }

    [Fact]
    public void Other_bytes_stay_and_what_does_not_fit_is_named()
    {
        NamedArray[] plain = [Bytes(3)];
        Assert.Same(plain, BlockwiseQuantized.Restored(plain, "file").Arrays);
        Refusal.Says("blocks of one size", () => BlockwiseQuantized.Restored([Bytes(10), NamedArray.Of("fc.weight.absmax", [3], [1f, 1, 1]),
            NamedArray.Of("fc.weight.code", [256], Table.AsSpan())], "file"));
        Refusal.Says("table of 2 values", () => BlockwiseQuantized.Restored([Bytes(10), NamedArray.Of("fc.weight.absmax", [1], [1f]),
            NamedArray.Of("fc.weight.code", [2], [1f, 2])], "file"));
    }
}
