namespace Afterimage.Networks;

/// <summary>The network of Learning to Invert (Wu et al., 2023): three linear layers with ReLU between them, and a sigmoid.</summary>
[Cites("wu2023learning")]
internal sealed class DenseInverter(InverterShape shape, ValueList<int> widths) : InverterNetwork(shape, widths)
{
    private protected override IEnumerable<(string, long[])> Tensors() =>
    [
        .. Dense("first", Shape.Hidden, Inputs), .. Dense("second", Shape.Hidden, Shape.Hidden),
        .. Dense("last", (long)Shape.Batch * Shape.Channels * Shape.Side * Shape.Side, Shape.Hidden),
    ];

    private protected override double Gain(string name) => name.StartsWith("last", StringComparison.Ordinal) ? 0.5 : Math.Sqrt(2);

    public override Tensor Images(ParameterViews parameters, Tensor updates, int count)
    {
        var hidden = Dense(parameters, "first", WithCount(updates, count)).relu();
        return Dense(parameters, "last", Dense(parameters, "second", hidden).relu()).sigmoid()
            .view(-1, Shape.Batch, Shape.Channels, Shape.Side, Shape.Side).narrow(1, 0, count);
    }
}
