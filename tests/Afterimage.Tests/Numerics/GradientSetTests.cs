using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Numerics;

public class GradientSetTests
{
    [Theory]
    [InlineData(5)]
    [InlineData((1 << 22) + 3)]
    public void A_distance_is_the_norm_of_the_difference(long count)
    {
        using var scope = NewDisposeScope();
        var layout = new TensorLayout([("weight", [count])]);
        var (first, second) = (new GradientSet(layout, rand(count)), new GradientSet(layout, rand(count)));
        var mask = (rand(count) < 0.5).to(ScalarType.Float32);
        var difference = first.Flat - second.Flat;
        Assert.Equal(difference.norm().ToDouble(), first.Distance(second), difference.norm().ToDouble() * 1e-5);
        Assert.Equal((difference * mask).norm().ToDouble(), first.Distance(second, mask), difference.norm().ToDouble() * 1e-5);
    }

    [Fact]
    public void Arrays_of_any_type_become_tensors_of_any_precision()
    {
        using var scope = NewDisposeScope();
        float[] numbers = [0.5f, -2, 3, 0];
        var array = NamedArray.Of("weight", [2, 2], numbers.AsSpan());
        NamedArray[] kinds =
        [
            array, NamedArray.Halved(array), NamedArray.Of("weight", [2, 2], new double[] { 0.5, -2, 3, 0 }.AsSpan()),
        ];
        foreach (var kind in kinds)
            foreach (var type in (ScalarType[])[ScalarType.Float32, ScalarType.Float64])
            {
                var made = kind.ToTensor(type, CPU);
                Assert.Equal(type, made.dtype);
                Assert.Equal([2L, 2], made.shape);
                Assert.Equal(numbers, made.to(ScalarType.Float32).view(-1).data<float>().ToArray());
                var flat = zeros([4], type);
                kind.CopyTo(flat);
                Assert.True(flat.equal(made.view(-1)).all().ToBoolean());
            }
    }
}
