namespace Afterimage.Networks;

/// <summary>From the smallest maps to an image: a residual block of two 3x3 convolutions at every side, doubled in between.</summary>
internal sealed class MapDecoder(InverterShape shape)
{
    /// <summary>Numbers of the smallest feature maps of one image.</summary>
    public int Count => shape.Width * shape.Sides[0] * shape.Sides[0];

    public IEnumerable<(string, long[])> Tensors()
    {
        var sides = shape.Sides;
        for (var i = 0; i < sides.Count; i++)
        {
            var channels = shape.ChannelsAt(sides[i]);
            if (i > 0 && shape.ChannelsAt(sides[i - 1]) is var before && before != channels)
                yield return ($"skip{sides[i]}.weight", [channels, before, 1, 1]);
            foreach (var layer in (string[])[$"inner{sides[i]}", $"outer{sides[i]}"])
            {
                yield return ($"{layer}.weight", [channels, channels, 3, 3]);
                yield return ($"{layer}.bias", [channels]);
            }
        }
        yield return ("rgb.weight", [shape.Channels, shape.ChannelsAt(shape.Side), 3, 3]);
        yield return ("rgb.bias", [shape.Channels]);
    }

    /// <summary>At first a block is nearly the identity.</summary>
    public static double Gain(string name) => name.StartsWith("outer", StringComparison.Ordinal) ? 0.3
        : name.StartsWith("inner", StringComparison.Ordinal) ? Math.Sqrt(2) : name.StartsWith("rgb", StringComparison.Ordinal) ? 0.5 : 1;

    /// <summary>Images [M,C,S,S] in [0,1].</summary>
    /// <param name="parameters">Those of <see cref="Tensors"/>, and others.</param>
    /// <param name="maps">The smallest, [M,<see cref="Count"/>].</param>
    /// <param name="beside">Maps of every side that are added on the way, the smallest first; those are left out. Null for none.</param>
    public Tensor Decode(ParameterViews parameters, Tensor maps, IReadOnlyList<Tensor>? beside = null)
    {
        Tensor Convolved(Tensor input, string layer) => nn.functional.conv2d(nn.functional.silu(input), parameters[$"{layer}.weight"],
            parameters[$"{layer}.bias"], padding: [1L, 1]);
        var sides = shape.Sides;
        var features = maps.view(-1, shape.Width, sides[0], sides[0]);
        for (var i = 0; i < sides.Count; i++)
        {
            if (i > 0 && shape.ChannelsAt(sides[i - 1]) != shape.ChannelsAt(sides[i]))
                features = nn.functional.conv2d(features, parameters[$"skip{sides[i]}.weight"]);
            if (i > 0)
                features = Resizing.Doubled(features);
            if (i > 0 && beside is not null)
                features = features + beside[i];
            features = features + Convolved(Convolved(features, $"inner{sides[i]}"), $"outer{sides[i]}");
        }
        return Convolved(features, "rgb").sigmoid();
    }
}
