using Afterimage.Federation;

namespace Afterimage.Starts;

/// <summary>Independent Gaussian noise in normalized pixels, as in the published attacks.</summary>
public sealed record Gaussian : Start
{
    /// <summary>Standard deviation of the normalized pixels.</summary>
    [Range(0, 1e6)]
    public double Deviation { get; init; } = 1;

    /// <inheritdoc/>
    public override Tensor Draw(AttackContext context, RandomSource random) =>
        context.Model.Denormalize(Noise.Normal(context, random, context.ImagesShape) * Deviation);
}

/// <summary>Independent uniform noise between two gray values in [0,1].</summary>
public sealed record Uniform : Start, ISettings
{
    /// <summary>The darkest value.</summary>
    [Range(0, 1)]
    public double Lowest { get; init; }

    /// <summary>The brightest value.</summary>
    [Range(0, 1)]
    public double Highest { get; init; } = 1;

    /// <inheritdoc/>
    public string? Fault => Lowest > Highest ? "The lowest value lies above the highest: exchange them." : null;

    /// <inheritdoc/>
    public override Tensor Draw(AttackContext context, RandomSource random)
    {
        using var generator = random.Derive("start").Generator(context.Model.Device);
        var noise = rand(context.ImagesShape, ScalarType.Float32, context.Model.Device, generator: generator).to(context.Model.Type);
        return noise * (Highest - Lowest) + Lowest;
    }
}

/// <summary>One gray value for all pixels. All restarts begin alike, so that more than one is useless.</summary>
public sealed record ConstantGray : Start
{
    /// <summary>The value, in [0,1].</summary>
    [Range(0, 1)]
    public double Value { get; init; } = 0.5;

    /// <inheritdoc/>
    public override Tensor Draw(AttackContext context, RandomSource random) =>
        full(context.ImagesShape, Value, context.Model.Type, context.Model.Device);
}

/// <summary>A small tile of Gaussian noise in normalized pixels, repeated over the image (Wei et al., 2020).</summary>
[Cites("wei2020framework")]
public sealed record Patterned : Start
{
    /// <summary>Side of the tile in pixels.</summary>
    [Range(1, 4096)]
    public int Tile { get; init; } = 4;

    /// <inheritdoc/>
    public override Tensor Draw(AttackContext context, RandomSource random)
    {
        var shape = context.ImagesShape;
        var tile = Noise.Normal(context, random, [shape[0], shape[1], Tile, Tile]);
        var repeated = tile.repeat(1, 1, (shape[2] + Tile - 1) / Tile, (shape[3] + Tile - 1) / Tile);
        return context.Model.Denormalize(repeated.narrow(2, 0, shape[2]).narrow(3, 0, shape[3]));
    }
}

file static class Noise
{
    public static Tensor Normal(AttackContext context, RandomSource random, long[] shape)
    {
        using var generator = random.Derive("start").Generator(context.Model.Device);
        // Drawn in single precision whatever the model's, so that both precisions start at the same image.
        return randn(shape, ScalarType.Float32, context.Model.Device, generator: generator).to(context.Model.Type);
    }
}
