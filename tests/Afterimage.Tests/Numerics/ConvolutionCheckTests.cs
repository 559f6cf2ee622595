using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Numerics;

public class ConvolutionCheckTests
{
    /// <summary>Whatever computes them on this processor, convolutions of every kernel and their derivatives are right.</summary>
    [Theory]
    [InlineData(1, 1, 5, 1)]
    [InlineData(12, 3, 5, 2)]
    [InlineData(12, 1, 5, 1)]
    [InlineData(16, 32, 3, 2)]
    [InlineData(3, 8, 7, 2)]
    [InlineData(8, 8, 1, 1)]
    public void Convolutions_agree_with_double_precision(int inputs, int outputs, int kernel, int stride)
    {
        using var scope = NewDisposeScope();
        _ = ConvolutionCheck.Note;
        var (image, weight) = (randn(2, inputs, 12, 12), randn(outputs, inputs, kernel, kernel));
        Tensor[] Products(ScalarType type)
        {
            var (x, w) = (image.to(type).requires_grad_(), weight.to(type).requires_grad_());
            var y = nn.functional.conv2d(x, w, strides: [stride, stride], padding: [kernel / 2, kernel / 2]);
            return [y.detach(), .. autograd.grad([y], [x, w], [ones_like(y)])];
        }
        foreach (var (single, twice) in Products(ScalarType.Float32).Zip(Products(ScalarType.Float64)))
            Assert.InRange(((single.to(ScalarType.Float64) - twice).norm() / twice.norm()).ToDouble(), 0, 1e-5);
    }
}
