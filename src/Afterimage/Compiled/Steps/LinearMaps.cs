using System.Numerics;
using Afterimage.Models;

namespace Afterimage.Compiled;

/// <summary>Mean over windows; padding zeros count.</summary>
internal sealed unsafe class AvgPoolStep<T>(AvgPool2d layer, Node<T> input, Node<T> output) : LinearMap<T>(input, output)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Kernels<T> kernels = Kernels<T>.Best;
    private readonly T share = T.One / T.CreateTruncating(layer.Kernel * layer.Kernel);

    protected override void Map(T* from, T* to)
    {
        for (var row = 0; row < Output.Rows; row++)
            for (var x = 0; x < Output.Width; x++)
            {
                var pixel = to + Output.RowOffset(row) + x * Output.Channels;
                var corner = from + Corner(row, x);
                for (var i = 0; i < layer.Kernel; i++)
                    for (var j = 0; j < layer.Kernel; j++)
                        kernels.Scale(pixel, share, corner + i * Input.Row + j * Input.Channels, Input.Channels, add: i + j > 0);
            }
    }

    protected override void Transpose(T* from, T* to, bool add)
    {
        if (!add)
            Input.Clear(to);
        for (var row = 0; row < Output.Rows; row++)
            for (var x = 0; x < Output.Width; x++)
            {
                var pixel = from + Output.RowOffset(row) + x * Output.Channels;
                var corner = to + Corner(row, x);
                for (var i = 0; i < layer.Kernel; i++)
                    for (var j = 0; j < layer.Kernel; j++)
                        kernels.Scale(corner + i * Input.Row + j * Input.Channels, share, pixel, Input.Channels, add: true);
            }
    }

    private int Corner(int row, int x) => Input.Offset(row / Output.Height,
        row % Output.Height * layer.Stride - layer.Padding, x * layer.Stride - layer.Padding);
}

/// <summary>Maximum over windows, the first of equal values; the forward pass decides which pixel it is.</summary>
internal sealed unsafe class MaxPoolStep<T>(MaxPool2d layer, Node<T> input, Node<T> output) : LinearMap<T>(input, output)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private int* winners;

    public override void Allocate(Arena<T> arena) => winners = arena.TakeTable(new int[Output.Rows * Output.RowLength]);

    public override void Forward()
    {
        var winner = winners;
        for (var row = 0; row < Output.Rows; row++)
        {
            var (sample, top) = (row / Output.Height, row % Output.Height * layer.Stride - layer.Padding);
            for (var x = 0; x < Output.Width; x++, winner += Output.Channels)
            {
                var left = x * layer.Stride - layer.Padding;
                Choose(sample, Math.Max(top, 0), Math.Min(top + layer.Kernel, Input.Height),
                    Math.Max(left, 0), Math.Min(left + layer.Kernel, Input.Width), winner);
            }
        }
        Map(Input.Value, Output.Value);
    }

    private void Choose(int sample, int top, int bottom, int left, int right, int* winner)
    {
        var first = Input.Offset(sample, top, left);
        for (var channel = 0; channel < Input.Channels; channel++)
            winner[channel] = first + channel;
        for (var y = top; y < bottom; y++)
            for (var x = left; x < right; x++)
            {
                var at = Input.Offset(sample, y, x);
                for (var channel = 0; channel < Input.Channels; channel++)
                    if (Input.Value[at + channel] > Input.Value[winner[channel]] || T.IsNaN(Input.Value[at + channel]))
                        winner[channel] = at + channel;
            }
    }

    protected override void Map(T* from, T* to)
    {
        var winner = winners;
        for (var row = 0; row < Output.Rows; row++)
        {
            var line = to + Output.RowOffset(row);
            for (var i = 0; i < Output.RowLength; i++)
                line[i] = from[*winner++];
        }
    }

    protected override void Transpose(T* from, T* to, bool add)
    {
        if (!add)
            Input.Clear(to);
        var winner = winners;
        for (var row = 0; row < Output.Rows; row++)
        {
            var line = from + Output.RowOffset(row);
            for (var i = 0; i < Output.RowLength; i++)
                to[*winner++] += line[i];
        }
    }
}

/// <summary>Means over the windows that PyTorch's adaptive pooling chooses for an output of this size.</summary>
internal sealed unsafe class AdaptiveAvgPoolStep<T>(Node<T> input, Node<T> output) : LinearMap<T>(input, output)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Kernels<T> kernels = Kernels<T>.Best;

    protected override void Map(T* from, T* to)
    {
        for (var row = 0; row < Output.Rows; row++)
            for (var x = 0; x < Output.Width; x++)
            {
                var (top, bottom, left, right) = Window(row % Output.Height, x);
                var share = T.One / T.CreateTruncating((bottom - top) * (right - left));
                for (var i = top; i < bottom; i++)
                    for (var j = left; j < right; j++)
                        kernels.Scale(to + Output.RowOffset(row) + x * Output.Channels, share,
                            from + Input.Offset(row / Output.Height, i, j), Input.Channels, add: i > top || j > left);
            }
    }

    protected override void Transpose(T* from, T* to, bool add)
    {
        if (!add)
            Input.Clear(to);
        for (var row = 0; row < Output.Rows; row++)
            for (var x = 0; x < Output.Width; x++)
            {
                var (top, bottom, left, right) = Window(row % Output.Height, x);
                var share = T.One / T.CreateTruncating((bottom - top) * (right - left));
                for (var i = top; i < bottom; i++)
                    for (var j = left; j < right; j++)
                        kernels.Scale(to + Input.Offset(row / Output.Height, i, j), share,
                            from + Output.RowOffset(row) + x * Output.Channels, Input.Channels, add: true);
            }
    }

    private (int Top, int Bottom, int Left, int Right) Window(int y, int x)
    {
        var (top, bottom) = Range(y, Input.Height, Output.Height);
        var (left, right) = Range(x, Input.Width, Output.Width);
        return (top, bottom, left, right);
    }

    private static (int First, int Beyond) Range(int place, int from, int to) => (place * from / to, ((place + 1) * from + to - 1) / to);
}

/// <summary>From channels-last order to PyTorch's order of features, [C,H,W].</summary>
internal sealed unsafe class FlattenStep<T>(Node<T> input, Node<T> output) : LinearMap<T>(input, output)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Kernels<T> kernels = Kernels<T>.Best;
    private T* scratch;

    public override void Allocate(Arena<T> arena) => scratch = arena.Take(Input.RowLength);

    protected override void Map(T* from, T* to)
    {
        for (var row = 0; row < Input.Rows; row++)
            kernels.Transpose(from + Input.RowOffset(row), Input.Channels, to + Place(row), Input.Height * Input.Width, Input.Width,
                Input.Channels);
    }

    protected override void Transpose(T* from, T* to, bool add)
    {
        for (var row = 0; row < Input.Rows; row++)
        {
            var target = to + Input.RowOffset(row);
            kernels.Transpose(from + Place(row), Input.Height * Input.Width,
                add ? scratch : target, Input.Channels, Input.Channels, Input.Width);
            if (add)
                kernels.Scale(target, T.One, scratch, Input.RowLength, add: true);
        }
    }

    private int Place(int row) => Output.Offset(row / Input.Height, 0, 0) + row % Input.Height * Input.Width;
}

/// <summary>Subsampled pixels, padded with zero channels.</summary>
internal sealed unsafe class ShortcutStep<T>(PaddedShortcut layer, Node<T> input, Node<T> output) : LinearMap<T>(input, output)
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Kernels<T> kernels = Kernels<T>.Best;

    protected override void Map(T* from, T* to)
    {
        for (var row = 0; row < Output.Rows; row++)
            for (var x = 0; x < Output.Width; x++)
                kernels.Scale(to + Place(row, x), T.One, from + Source(row, x), Input.Channels, add: false);
    }

    protected override void Transpose(T* from, T* to, bool add)
    {
        if (!add)
            Input.Clear(to);
        for (var row = 0; row < Output.Rows; row++)
            for (var x = 0; x < Output.Width; x++)
                kernels.Scale(to + Source(row, x), T.One, from + Place(row, x), Input.Channels, add: true);
    }

    private int Place(int row, int x) => Output.RowOffset(row) + x * Output.Channels + layer.ChannelsBefore;

    private int Source(int row, int x) => Input.Offset(row / Output.Height, row % Output.Height * layer.Stride, x * layer.Stride);
}

/// <summary>The sum of two values.</summary>
internal sealed unsafe class SumStep<T>(Node<T> left, Node<T> right, Node<T> output) : Step<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Kernels<T> kernels = Kernels<T>.Best;

    public override void Forward()
    {
        Copy(left, left.Value, output, output.Value, add: false);
        Copy(right, right.Value, output, output.Value, add: true);
    }

    public override void Backward(T* gradient)
    {
        if (left.Learned)
            Copy(output, output.Adjoint, left, left.Adjoint, Adds(left));
        if (right.Learned)
            Copy(output, output.Adjoint, right, right.Adjoint, Adds(right) || left == right);
    }

    public override void TangentForward(T* v)
    {
        if (Moves(left, v))
            Copy(left, left.Tangent, output, output.Tangent, add: false);
        if (Moves(right, v))
            Copy(right, right.Tangent, output, output.Tangent, Moves(left, v));
    }

    public override void TangentBackward(T* v, T* gradient)
    {
        if (Asked(left, v))
            Copy(output, output.AdjointTangent, left, left.AdjointTangent, Adds(left));
        if (Asked(right, v))
            Copy(output, output.AdjointTangent, right, right.AdjointTangent, Adds(right) || left == right);
    }

    private void Copy(Node<T> source, T* from, Node<T> target, T* to, bool add)
    {
        for (var row = 0; row < source.Rows; row++)
            kernels.Scale(to + target.RowOffset(row), T.One, from + source.RowOffset(row), source.RowLength, add);
    }
}
