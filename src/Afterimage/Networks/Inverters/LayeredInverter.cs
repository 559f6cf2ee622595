using System.Globalization;

namespace Afterimage.Networks;

/// <summary>
/// A token for every layer of the victim, made of that layer's own part of the update, and one for every image, which asks; a transformer
/// (Vaswani et al., 2017) lets all look at all. An image's first maps come from its own token and from those of the layers.
/// </summary>
[Cites("vaswani2017attention")]
internal sealed class LayeredInverter(InverterShape shape, ValueList<int> widths) : InverterNetwork(shape, widths)
{
    public const int Heads = 4;
    private const int Blocks = 2;
    private readonly MapDecoder decoder = new(shape);

    private long Token => Shape.Hidden;

    private protected override IEnumerable<(string, long[])> Tensors() =>
    [
        .. Widths.SelectMany((width, layer) => Dense(Name("token", layer), Token, width)),
        ("image.table", [Shape.Batch, Token]), ("count.table", [Shape.Batch, Token]),
        .. Enumerable.Range(0, Blocks).SelectMany(Block),
        .. Norm("norm"), .. Dense("own", decoder.Count, Token), .. Dense("maps", decoder.Count, Widths.Count * Token),
        .. decoder.Tensors(),
    ];

    private IEnumerable<(string, long[])> Block(int block) =>
    [
        .. Norm(Name("attention", block)), .. Dense(Name("read", block), 3 * Token, Token), .. Dense(Name("write", block), Token, Token),
        .. Norm(Name("mixing", block)), .. Dense(Name("wide", block), 2 * Token, Token), .. Dense(Name("narrow", block), Token, 2 * Token),
    ];

    private IEnumerable<(string, long[])> Norm(string name) => [($"{name}.scale", [Token]), ($"{name}.shift", [Token])];

    private protected override double Gain(string name) =>
        name.StartsWith("write", StringComparison.Ordinal) || name.StartsWith("narrow", StringComparison.Ordinal) ? 0.3
        : name.EndsWith("table", StringComparison.Ordinal) ? Math.Sqrt(Token) : MapDecoder.Gain(name);

    public override Tensor Images(ParameterViews parameters, Tensor updates, int count)
    {
        var parts = updates.split([.. Widths.Select(width => (long)width)], 1);
        var layers = parts.Select((part, layer) => Dense(parameters, Name("token", layer), part));
        var asking = (parameters["image.table"].narrow(0, 0, count) + parameters["count.table"].narrow(0, count - 1, 1))
            .expand(updates.shape[0], -1, -1);
        var tokens = cat([stack([.. layers], 1), asking], 1);
        for (var block = 0; block < Blocks; block++)
        {
            tokens = tokens + Attended(parameters, block, Normalized(parameters, Name("attention", block), tokens));
            var wide = Dense(parameters, Name("wide", block), Normalized(parameters, Name("mixing", block), tokens));
            tokens = tokens + Dense(parameters, Name("narrow", block), nn.functional.silu(wide));
        }
        tokens = Normalized(parameters, "norm", tokens);
        var seen = Dense(parameters, "maps", tokens.narrow(1, 0, Widths.Count).flatten(1)).unsqueeze(1);
        var maps = Dense(parameters, "own", tokens.narrow(1, Widths.Count, count)) + seen;
        return decoder.Decode(parameters, maps.reshape(-1, decoder.Count)).view(-1, count, Shape.Channels, Shape.Side, Shape.Side);
    }

    /// <summary>What each token takes from all of them, [N,tokens,Token].</summary>
    private Tensor Attended(ParameterViews parameters, int block, Tensor tokens)
    {
        var (number, length) = (tokens.shape[0], tokens.shape[1]);
        var read = Dense(parameters, Name("read", block), tokens).view(number, length, 3, Heads, Token / Heads).permute(2, 0, 3, 1, 4);
        var weights = read[0].matmul(read[1].transpose(2, 3)).div(Math.Sqrt((double)Token / Heads)).softmax(3);
        return Dense(parameters, Name("write", block), weights.matmul(read[2]).transpose(1, 2).reshape(number, length, Token));
    }

    private Tensor Normalized(ParameterViews parameters, string name, Tensor tokens) =>
        nn.functional.layer_norm(tokens, [Token], parameters[$"{name}.scale"], parameters[$"{name}.shift"]);

    private static string Name(string layer, int number) => layer + number.ToString(CultureInfo.InvariantCulture);
}
