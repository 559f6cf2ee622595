using System.Numerics;

namespace Afterimage.Compiled;

/// <summary>
/// y = x f, number by number or with one factor for each channel of an image; x and f may be the same value.
/// </summary>
internal sealed unsafe class GateStep<T>(Node<T> input, Node<T> factor, Node<T> output) : Step<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Kernels<T> kernels = Kernels<T>.Best;
    private readonly bool isWhole = (factor.Height, factor.Width) == (input.Height, input.Width);

    public override void Forward() => Multiply(output, output.Value, input, input.Value, factor.Value, add: false);

    public override void Backward(T* gradient)
    {
        if (input.Learned)
            Multiply(input, input.Adjoint, output, output.Adjoint, factor.Value, Adds(input));
        if (factor.Learned)
            Gather(factor.Adjoint, output.Adjoint, input.Value, Adds(factor) || factor == input);
    }

    public override void TangentForward(T* v)
    {
        if (Moves(input, v))
            Multiply(output, output.Tangent, input, input.Tangent, factor.Value, add: false);
        if (Moves(factor, v))
            Multiply(output, output.Tangent, input, input.Value, factor.Tangent, add: Moves(input, v));
    }

    public override void TangentBackward(T* v, T* gradient)
    {
        if (Asked(input, v))
        {
            Multiply(input, input.AdjointTangent, output, output.AdjointTangent, factor.Value, Adds(input));
            if (Moves(factor, v))
                Multiply(input, input.AdjointTangent, output, output.Adjoint, factor.Tangent, add: true);
        }
        if (Asked(factor, v))
        {
            Gather(factor.AdjointTangent, output.AdjointTangent, input.Value, Adds(factor) || factor == input);
            if (Moves(input, v))
                Gather(factor.AdjointTangent, output.Adjoint, input.Tangent, add: true);
        }
    }

    /// <summary>to (+)= from times the factors.</summary>
    private void Multiply(Node<T> target, T* to, Node<T> source, T* from, T* factors, bool add)
    {
        for (var row = 0; row < input.Rows; row++)
        {
            T* line = to + target.RowOffset(row), other = from + source.RowOffset(row);
            if (isWhole)
                kernels.Times(line, other, factors + factor.RowOffset(row), input.RowLength, add);
            else
                for (var x = 0; x < input.Width; x++)
                    kernels.Times(line + x * input.Channels, other + x * input.Channels, Channels(factors, row), input.Channels, add);
        }
    }

    /// <summary>factors (+)= adjoint times values, summed over the pixels that share a factor.</summary>
    private void Gather(T* factors, T* adjoint, T* values, bool add)
    {
        for (var row = 0; row < input.Rows; row++)
        {
            T* line = adjoint + output.RowOffset(row), other = values + input.RowOffset(row);
            if (isWhole)
                kernels.Times(factors + factor.RowOffset(row), line, other, input.RowLength, add);
            else
                for (var x = 0; x < input.Width; x++)
                    kernels.Times(Channels(factors, row), line + x * input.Channels, other + x * input.Channels, input.Channels,
                        add || row % input.Height + x > 0);
        }
    }

    private T* Channels(T* factors, int row) => factors + factor.Offset(row / input.Height, 0, 0);
}
