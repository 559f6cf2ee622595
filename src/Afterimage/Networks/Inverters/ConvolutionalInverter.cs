namespace Afterimage.Networks;

/// <summary>
/// Two linear layers from the hashed update to the smallest feature maps of every image, then a decoder that all images share.
/// </summary>
internal sealed class ConvolutionalInverter(InverterShape shape, ValueList<int> widths) : InverterNetwork(shape, widths)
{
    private readonly MapDecoder decoder = new(shape);

    private protected override IEnumerable<(string, long[])> Tensors() =>
    [
        .. Dense("first", Shape.Hidden, Inputs), .. Dense("maps", (long)Shape.Batch * decoder.Count, Shape.Hidden), .. decoder.Tensors(),
    ];

    private protected override double Gain(string name) => name is "first.weight" ? Math.Sqrt(2) : MapDecoder.Gain(name);

    public override Tensor Images(ParameterViews parameters, Tensor updates, int count)
    {
        var hidden = nn.functional.silu(Dense(parameters, "first", WithCount(updates, count)));
        var maps = Dense(parameters, "maps", hidden).view(-1, Shape.Batch, decoder.Count).narrow(1, 0, count);
        return decoder.Decode(parameters, maps.reshape(-1, decoder.Count)).view(-1, count, Shape.Channels, Shape.Side, Shape.Side);
    }
}
