using System.Numerics;
using Afterimage.Models;

namespace Afterimage.Compiled;

/// <summary>y = f(x), with f' and f'' kept for the passes that follow.</summary>
internal sealed unsafe class ActivationStep<T>(Activation layer, Node<T> input, Node<T> output) : Step<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Kernels<T> kernels = Kernels<T>.Best;
    private readonly bool straight = layer.Kind is ActivationKind.ReLU or ActivationKind.LeakyReLU
        or ActivationKind.ReLU6 or ActivationKind.HardSigmoid;
    private readonly int length = input.RowLength;
    private readonly bool soft = layer.Kind == ActivationKind.SoftLeakyReLU;
    private readonly bool softGate = layer.Kind == ActivationKind.SoftGateLeakyReLU;
    private T* first;
    private T* second;
    private T* scaled;

    public override void Allocate(Arena<T> arena)
    {
        first = arena.Take(input.Rows * length);
        if (!straight)
            second = arena.Take(input.Rows * length);
        if (soft)
            scaled = arena.Take(length);
    }

    public override void Forward()
    {
        for (var row = 0; row < input.Rows && soft; row++)
            SoftLeakyReLU(input.Value + input.RowOffset(row), output.Value + output.RowOffset(row),
                first + row * length, second + row * length);
        for (var row = 0; row < input.Rows && !soft; row++)
            kernels.Activate(softGate ? ActivationKind.LeakyReLU : layer.Kind, T.CreateTruncating(layer.Slope),
                input.Value + input.RowOffset(row), output.Value + output.RowOffset(row),
                first + row * length, straight || softGate ? null : second + row * length, length);
        if (softGate)
            SurrogateCurvature();
    }

    /// <summary>The second derivative that <see cref="ActivationKind.SoftGateLeakyReLU"/> puts in place of zero.</summary>
    private void SurrogateCurvature()
    {
        var squares = 0.0;
        for (var row = 0; row < input.Rows; row++)
        {
            var x = input.Value + input.RowOffset(row);
            var sum = T.Zero;
            for (var i = 0; i < length; i++)
                sum += x[i] * x[i];
            squares += double.CreateTruncating(sum);
        }
        var scale = T.CreateTruncating(layer.Sharpness / (Math.Sqrt(squares / ((double)input.Rows * length)) + 1e-30));
        var height = scale * (T.One - T.CreateTruncating(layer.Slope));
        for (var row = 0; row < input.Rows; row++)
        {
            T* x = input.Value + input.RowOffset(row), curvature = second + row * length;
            for (var i = 0; i < length; i++)
                curvature[i] = T.Max(T.One - T.Abs(x[i]) * scale, T.Zero) * height;
        }
    }

    /// <summary>A softplus of the scaled input plus a linear function.</summary>
    private void SoftLeakyReLU(T* x, T* y, T* slope, T* curvature)
    {
        var (sharpness, low) = (T.CreateTruncating(layer.Sharpness), T.CreateTruncating(layer.Slope));
        for (var i = 0; i < length; i++)
            scaled[i] = x[i] * sharpness;
        kernels.Activate(ActivationKind.Softplus, T.Zero, scaled, y, slope, curvature, length);
        var high = T.One - low;
        for (var i = 0; i < length; i++)
        {
            y[i] = low * x[i] + high * y[i] / sharpness;
            slope[i] = low + high * slope[i];
            curvature[i] *= high * sharpness;
        }
    }

    public override void Backward(T* gradient)
    {
        if (input.Learned)
            Times(input, input.Adjoint, output, output.Adjoint, Adds(input));
    }

    public override void TangentForward(T* v)
    {
        if (Moves(input, v))
            Times(output, output.Tangent, input, input.Tangent, add: false);
    }

    public override void TangentBackward(T* v, T* gradient)
    {
        if (!Asked(input, v))
            return;
        if (straight || !Moves(input, v))
        {
            Times(input, input.AdjointTangent, output, output.AdjointTangent, Adds(input));
            return;
        }
        for (var row = 0; row < input.Rows; row++)
        {
            var (from, to) = (output.RowOffset(row), input.RowOffset(row));
            kernels.TimesThree(input.AdjointTangent + to, first + row * length, output.AdjointTangent + from,
                second + row * length, input.Tangent + to, output.Adjoint + from, length, Adds(input));
        }
    }

    private void Times(Node<T> target, T* to, Node<T> source, T* from, bool add)
    {
        for (var row = 0; row < input.Rows; row++)
            kernels.Times(to + target.RowOffset(row), first + row * length, from + source.RowOffset(row), length, add);
    }
}
