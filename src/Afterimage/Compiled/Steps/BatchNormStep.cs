using System.Numerics;

namespace Afterimage.Compiled;

/// <summary>Batch normalization by running statistics: y = weight n + bias with n = (x - mean) / deviation.</summary>
internal sealed unsafe class BatchNormStep<T>(T* parameters, long weight, long bias, T[] mean, T[] inverseDeviation, Node<T> input,
    Node<T> output) : Step<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Kernels<T> kernels = Kernels<T>.Best;
    private readonly int length = input.RowLength;
    private T* normalized;
    private T* inverse;
    private T* shift;
    private T* scale;
    private T* weights;
    private T* biases;
    private T* ones;
    private T* zeros;
    private T* directionWeights;
    private T* directionBiases;
    private T* directionScale;
    private T* sums;

    public override void Allocate(Arena<T> arena)
    {
        normalized = arena.Take(input.Rows * length);
        inverse = arena.Take(length);
        shift = arena.Take(length);
        scale = arena.Take(length);
        weights = arena.Take(length);
        biases = arena.Take(length);
        ones = arena.Take(length);
        zeros = arena.Take(length);
        directionWeights = arena.Take(length);
        directionBiases = arena.Take(length);
        directionScale = arena.Take(length);
        sums = arena.Take(length);
        for (var i = 0; i < length; i++)
        {
            var channel = i % input.Channels;
            ones[i] = T.One;
            inverse[i] = inverseDeviation[channel];
            shift[i] = -mean[channel] * inverseDeviation[channel];
        }
        Spread(parameters, weights, biases, scale);
    }

    private void Spread(T* from, T* toWeights, T* toBiases, T* toScale)
    {
        for (var i = 0; i < length; i++)
        {
            var channel = i % input.Channels;
            toWeights[i] = from[weight + channel];
            toBiases[i] = from[bias + channel];
            toScale[i] = toWeights[i] * inverse[i];
        }
    }

    public override void Forward()
    {
        for (var row = 0; row < input.Rows; row++)
        {
            var n = normalized + row * length;
            kernels.TimesTwo(n, input.Value + input.RowOffset(row), inverse, shift, ones, length, add: false);
            kernels.TimesTwo(output.Value + output.RowOffset(row), n, weights, biases, ones, length, add: false);
        }
    }

    public override void Backward(T* gradient)
    {
        WeightGradient(gradient, output.Adjoint, null, null);
        for (var row = 0; input.Learned && row < input.Rows; row++)
            kernels.Times(input.Adjoint + input.RowOffset(row), output.Adjoint + output.RowOffset(row), scale, length, Adds(input));
    }

    public override void TangentForward(T* v)
    {
        if (v != null)
            Spread(v, directionWeights, directionBiases, directionScale);
        for (var row = 0; row < input.Rows; row++)
        {
            var to = output.Tangent + output.RowOffset(row);
            if (Moves(input, v))
                kernels.Times(to, input.Tangent + input.RowOffset(row), scale, length, add: false);
            if (v != null)
                kernels.TimesTwo(to, normalized + row * length, directionWeights, directionBiases, ones, length, add: Moves(input, v));
        }
    }

    public override void TangentBackward(T* v, T* gradient)
    {
        if (v == null)
            WeightGradient(gradient, output.AdjointTangent, output.Adjoint, input.Tangent);
        for (var row = 0; Asked(input, v) && row < input.Rows; row++)
        {
            var to = input.AdjointTangent + input.RowOffset(row);
            var from = output.RowOffset(row);
            if (v != null)
                kernels.TimesTwo(to, output.AdjointTangent + from, scale, output.Adjoint + from, directionScale, length, Adds(input));
            else
                kernels.Times(to, output.AdjointTangent + from, scale, length, Adds(input));
        }
    }

    /// <summary>
    /// Sum of adjoint times n for the weight, of adjoint for the bias; with a second pair, adjoint times the change of n too.
    /// </summary>
    private void WeightGradient(T* gradient, T* adjoint, T* secondAdjoint, T* tangent)
    {
        for (var row = 0; row < output.Rows; row++)
        {
            kernels.Times(sums, adjoint + output.RowOffset(row), normalized + row * length, length, add: row > 0);
            if (secondAdjoint != null)
                kernels.TimesThree(sums, zeros, zeros, secondAdjoint + output.RowOffset(row), tangent + input.RowOffset(row), inverse,
                    length, add: true);
        }
        ChannelSums.Fold(output, sums, gradient + weight);
        ChannelSums.Sum(kernels, output, adjoint, sums, gradient + bias);
    }
}
