namespace Afterimage.Models;

/// <summary>Every feature is a channel, of one place or of as many as there are tokens, so K is g itself.</summary>
internal sealed class LinearMap(Linear layer, long[] input) : LayerMap(layer, input, 1)
{
    public override long Equations => layer.Output;

    public override Tensor Apply(Tensor weight, Tensor x, Tensor? bias = null) => nn.functional.linear(x, weight, bias);

    public override Tensor Transpose(Tensor weight, Tensor gradient) => gradient.matmul(weight);

    public override Tensor WeightGradient(Tensor x, Tensor gradient) => Rows(gradient).t().matmul(Rows(x));

    public override Tensor System(Tensor gradient, int group = 0) => Rows(gradient).t();

    public override Tensor Target(Tensor weightGradient, int group = 0) => weightGradient;

    public override Tensor Columns(Tensor x, int group = 0) => x.reshape(Places, Channels);

    public override Tensor Image(Tensor columns) => columns.reshape([1, .. Input]);

    private static Tensor Rows(Tensor values) => values.reshape(-1, values.shape[^1]);
}
