using System.Numerics;
using Afterimage.Models;

namespace Afterimage.Compiled;

/// <summary>
/// A convolution of every channel with a kernel of its own: for each tap one product of channels, which lie side by side, where a
/// matrix product would have one column.
/// </summary>
internal sealed unsafe class DepthwiseStep<T>(Conv2d layer, T* parameters, long weight, long bias, Node<T> input, Node<T> output) : Step<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Kernels<T> kernels = Kernels<T>.Best;
    private readonly int taps = layer.Kernel * layer.Kernel;
    private T* weights, direction, packedGradient, biasRow;

    public override void Allocate(Arena<T> arena)
    {
        weights = arena.Take(taps * input.Channels);
        direction = arena.Take(taps * input.Channels);
        packedGradient = arena.Take(taps * input.Channels);
        biasRow = arena.Take(output.RowLength);
        Pack(parameters, weights);
    }

    /// <summary>From PyTorch's order [C,1,Kh,Kw] to one row of channels for each tap.</summary>
    private void Pack(T* from, T* to) => kernels.Transpose(from + weight, taps, to, input.Channels, input.Channels, taps);

    public override void Forward()
    {
        var pairs = stackalloc Segment<T>[taps];
        Pair(pairs, input.Value, weights);
        Correlate(pairs, taps, layer.Bias ? parameters + bias : null, output.Value);
    }

    public override void TangentForward(T* v)
    {
        var pairs = stackalloc Segment<T>[2 * taps];
        var count = 0;
        if (Moves(input, v))
        {
            Pair(pairs, input.Tangent, weights);
            count = taps;
        }
        if (v != null)
        {
            Pack(v, direction);
            Pair(pairs + count, input.Value, direction);
            count += taps;
        }
        Correlate(pairs, count, v != null && layer.Bias ? v + bias : null, output.Tangent);
    }

    private void Pair(Segment<T>* pairs, T* images, T* filters)
    {
        for (var tap = 0; tap < taps; tap++)
            pairs[tap] = new(images + TapOffset(tap), filters + tap * input.Channels);
    }

    private void Correlate(Segment<T>* pairs, int count, T* start, T* to)
    {
        for (var row = 0; row < output.Rows; row++)
            for (var x = 0; x < output.Width; x++)
                kernels.SumProducts(to + Place(row, x), start, pairs, count, Corner(row, x), input.Channels);
    }

    public override void Backward(T* gradient)
    {
        Gradient(gradient, output.Adjoint, input.Value, null, null);
        if (input.Learned)
            Scatter(output.Adjoint, weights, input.Adjoint, Adds(input));
    }

    public override void TangentBackward(T* v, T* gradient)
    {
        if (v == null)
            Gradient(gradient, output.AdjointTangent, input.Value, output.Adjoint, input.Tangent);
        if (Asked(input, v))
            Scatter(output.AdjointTangent, weights, input.AdjointTangent, Adds(input));
        if (v != null)
            Scatter(output.Adjoint, direction, input.AdjointTangent, add: true);
    }

    private void Scatter(T* from, T* filters, T* to, bool add)
    {
        if (!add)
            input.Clear(to);
        var pairs = stackalloc Segment<T>[taps];
        Pair(pairs, to, filters);
        for (var row = 0; row < output.Rows; row++)
            for (var x = 0; x < output.Width; x++)
                kernels.AddProducts(pairs, taps, Corner(row, x), 0, from + Place(row, x), input.Channels);
    }

    /// <summary>Sum over positions of adjoint times window; with a second pair, the sum of both products.</summary>
    private void Gradient(T* gradient, T* adjoint, T* value, T* secondAdjoint, T* secondValue)
    {
        new Span<T>(packedGradient, taps * input.Channels).Clear();
        Accumulate(adjoint, value);
        if (secondAdjoint != null)
            Accumulate(secondAdjoint, secondValue);
        kernels.Transpose(packedGradient, input.Channels, gradient + weight, taps, taps, input.Channels);
        if (layer.Bias)
            ChannelSums.Sum(kernels, output, adjoint, biasRow, gradient + bias);
    }

    private void Accumulate(T* adjoint, T* value)
    {
        var pairs = stackalloc Segment<T>[taps];
        for (var tap = 0; tap < taps; tap++)
            pairs[tap] = new(packedGradient + tap * input.Channels, value + TapOffset(tap));
        for (var row = 0; row < output.Rows; row++)
            for (var x = 0; x < output.Width; x++)
                kernels.AddProducts(pairs, taps, 0, Corner(row, x), adjoint + Place(row, x), input.Channels);
    }

    private int Place(int row, int x) => output.RowOffset(row) + x * output.Channels;

    private int Corner(int row, int x) => input.Offset(row / output.Height,
        row % output.Height * layer.Stride - layer.Padding, x * layer.Stride - layer.Padding);

    private int TapOffset(int tap) =>
        tap / layer.Kernel * layer.Dilation * input.Row + tap % layer.Kernel * layer.Dilation * input.Channels;
}
