using System.Numerics;
using Afterimage.Models;

namespace Afterimage.Compiled;

/// <summary>A dense layer. Weights and directions are read where they lie, in PyTorch's order [O,I].</summary>
internal sealed unsafe class LinearStep<T>(Linear layer, T* parameters, long weight, long bias, Node<T> input, Node<T> output) : Step<T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    private readonly Kernels<T> kernels = Kernels<T>.Best;
    private readonly int batch = input.Batch;
    private readonly DenseProducts<T> products = new(layer.Output, layer.Input, input.Batch);

    public override void Forward()
    {
        Multiply(output.Value, input.Value, parameters, add: false);
        Shift(output.Value, parameters);
    }

    public override void TangentForward(T* v)
    {
        if (Moves(input, v))
            Multiply(output.Tangent, input.Tangent, parameters, add: false);
        if (v == null)
            return;
        Multiply(output.Tangent, input.Value, v, add: Moves(input, v));
        Shift(output.Tangent, v);
    }

    public override void Backward(T* gradient)
    {
        Gradient(gradient, output.Adjoint, input.Value, add: false);
        SumBias(gradient, output.Adjoint);
        if (input.Learned)
            Transpose(input.Adjoint, output.Adjoint, parameters, Adds(input));
    }

    public override void TangentBackward(T* v, T* gradient)
    {
        if (v == null)
        {
            Gradient(gradient, output.AdjointTangent, input.Value, add: false);
            Gradient(gradient, output.Adjoint, input.Tangent, add: true);
            SumBias(gradient, output.AdjointTangent);
        }
        if (Asked(input, v))
            Transpose(input.AdjointTangent, output.AdjointTangent, parameters, Adds(input));
        if (v != null)
            Transpose(input.AdjointTangent, output.Adjoint, v, add: true);
    }

    private void Multiply(T* to, T* from, T* matrix, bool add) => products.Multiply(to + output.Offset(0, 0, 0), output.Sample,
        from + input.Offset(0, 0, 0), input.Sample, matrix + weight, add);

    private void Shift(T* to, T* from)
    {
        for (var sample = 0; layer.Bias && sample < batch; sample++)
            kernels.Scale(to + output.Offset(sample, 0, 0), T.One, from + bias, layer.Output, add: true);
    }

    private void Transpose(T* to, T* from, T* matrix, bool add) => products.Transpose(to + input.Offset(0, 0, 0), input.Sample,
        from + output.Offset(0, 0, 0), output.Sample, matrix + weight, add);

    private void Gradient(T* gradient, T* adjoint, T* value, bool add) => products.Gradient(gradient + weight,
        adjoint + output.Offset(0, 0, 0), output.Sample, value + input.Offset(0, 0, 0), input.Sample, add);

    private void SumBias(T* gradient, T* adjoint)
    {
        for (var sample = 0; layer.Bias && sample < batch; sample++)
            kernels.Scale(gradient + bias, T.One, adjoint + output.Offset(sample, 0, 0), layer.Output, add: sample > 0);
    }
}
