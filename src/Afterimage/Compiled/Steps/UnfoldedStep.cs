using System.Numerics;
using Afterimage.Models;

namespace Afterimage.Compiled;

/// <summary>
/// A convolution with few positions as a dense layer over copies of its windows (im2col): its weights are many more than the numbers of
/// its windows, so that reading them once in PyTorch's order is most of the work.
/// </summary>
internal sealed unsafe class UnfoldedStep<T>(Conv2d layer, T* parameters, long weight, long bias, Node<T> input, Node<T> output) : Step<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Kernels<T> kernels = Kernels<T>.Best;
    private readonly int area = layer.Kernel * layer.Kernel;
    private readonly int length = layer.Input * layer.Kernel * layer.Kernel;
    private readonly int positions = output.Rows * output.Width;
    private readonly DenseProducts<T> products = new(layer.Output, layer.Input * layer.Kernel * layer.Kernel, output.Rows * output.Width);
    private T* windows, windowTangents, windowAdjoints, adjoints, changes, pixels;

    /// <summary>Whether copies of the weights in another order would cost more than copies of the windows; found by timing.</summary>
    public static bool Suits(Conv2d layer, int positions) => layer.Groups == 1
        && (positions <= 16 || (positions <= 64 && (long)layer.Output * layer.Input * layer.Kernel * layer.Kernel >= 1 << 18));

    public override void Allocate(Arena<T> arena)
    {
        windows = arena.Take((long)positions * length);
        windowTangents = arena.Take((long)positions * length);
        windowAdjoints = arena.Take((long)positions * length);
        adjoints = arena.Take((long)positions * layer.Output);
        changes = arena.Take((long)positions * layer.Output);
        pixels = arena.Take(layer.Kernel * layer.Input);
    }

    public override void Forward()
    {
        Unfold(input.Value, windows);
        products.Multiply(changes, layer.Output, windows, length, parameters + weight, add: false);
        Put(parameters, output.Value);
    }

    public override void TangentForward(T* v)
    {
        if (Moves(input, v))
        {
            Unfold(input.Tangent, windowTangents);
            products.Multiply(changes, layer.Output, windowTangents, length, parameters + weight, add: false);
        }
        if (v != null)
            products.Multiply(changes, layer.Output, windows, length, v + weight, add: Moves(input, v));
        Put(v, output.Tangent);
    }

    public override void Backward(T* gradient)
    {
        Get(output.Adjoint, adjoints);
        products.Gradient(gradient + weight, adjoints, layer.Output, windows, length, add: false);
        SumBias(gradient, adjoints);
        if (!input.Learned)
            return;
        products.Transpose(windowAdjoints, length, adjoints, layer.Output, parameters + weight, add: false);
        Fold(input.Adjoint);
    }

    public override void TangentBackward(T* v, T* gradient)
    {
        Get(output.AdjointTangent, changes);
        if (v == null)
        {
            products.Gradient(gradient + weight, changes, layer.Output, windows, length, add: false);
            products.Gradient(gradient + weight, adjoints, layer.Output, windowTangents, length, add: true);
            SumBias(gradient, changes);
        }
        if (!Asked(input, v))
            return;
        products.Transpose(windowAdjoints, length, changes, layer.Output, parameters + weight, add: false);
        if (v != null)
            products.Transpose(windowAdjoints, length, adjoints, layer.Output, v + weight, add: true);
        Fold(input.AdjointTangent);
    }

    /// <summary>Copies windows to rows in the weights' order [I,Kh,Kw].</summary>
    private void Unfold(T* from, T* to)
    {
        for (var position = 0; position < positions; position++)
            for (var row = 0; row < layer.Kernel; row++)
                kernels.Transpose(from + Corner(position, row), layer.Dilation * input.Channels,
                    to + position * length + row * layer.Kernel, area, layer.Kernel, input.Channels);
    }

    /// <summary>Adds the adjoints of windows to the pixels that they were copied from.</summary>
    private void Fold(T* to)
    {
        if (!Adds(input))
            input.Clear(to);
        for (var position = 0; position < positions; position++)
            for (var row = 0; row < layer.Kernel; row++)
            {
                kernels.Transpose(windowAdjoints + position * length + row * layer.Kernel, area, pixels, input.Channels,
                    input.Channels, layer.Kernel);
                for (var column = 0; column < layer.Kernel; column++)
                    kernels.Scale(to + Corner(position, row) + column * layer.Dilation * input.Channels, T.One,
                        pixels + column * input.Channels, input.Channels, add: true);
            }
    }

    /// <summary>Offset of the first pixel of a row of a window.</summary>
    private int Corner(int position, int row)
    {
        var (line, x) = (position / output.Width, position % output.Width);
        return input.Offset(line / output.Height, line % output.Height * layer.Stride - layer.Padding + row * layer.Dilation,
            x * layer.Stride - layer.Padding);
    }

    private int Place(int position) => output.RowOffset(position / output.Width) + position % output.Width * output.Channels;

    /// <summary>Adds the bias to the products and writes them to the pixels of the output.</summary>
    private void Put(T* from, T* to)
    {
        for (var position = 0; position < positions; position++)
        {
            kernels.Scale(to + Place(position), T.One, changes + position * layer.Output, layer.Output, add: false);
            if (layer.Bias && from != null)
                kernels.Scale(to + Place(position), T.One, from + bias, layer.Output, add: true);
        }
    }

    private void Get(T* from, T* to)
    {
        for (var position = 0; position < positions; position++)
            kernels.Scale(to + position * layer.Output, T.One, from + Place(position), layer.Output, add: false);
    }

    private void SumBias(T* gradient, T* from)
    {
        for (var position = 0; layer.Bias && position < positions; position++)
            kernels.Scale(gradient + bias, T.One, from + position * layer.Output, layer.Output, add: position > 0);
    }
}
