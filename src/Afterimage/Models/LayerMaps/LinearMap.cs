namespace Afterimage.Models;

/// <summary>Every feature is a channel of one place, so K is g itself.</summary>
internal sealed class LinearMap(Linear layer, long[] input) : LayerMap(layer, input, 1)
{
    public override long Equations => layer.Output;

    public override Tensor Apply(Tensor weight, Tensor x, Tensor? bias = null) => nn.functional.linear(x, weight, bias);

    public override Tensor Transpose(Tensor weight, Tensor gradient) => gradient.matmul(weight);

    public override Tensor WeightGradient(Tensor x, Tensor gradient) => gradient.t().matmul(x);

    public override Tensor System(Tensor gradient, int group = 0) => gradient.t();

    public override Tensor Target(Tensor weightGradient, int group = 0) => weightGradient;
}
