namespace Afterimage.Networks;

/// <summary>
/// The decoder of a variational autoencoder (Kingma and Welling, 2014), without its encoder: a linear layer, and two 3x3 convolutions
/// at every resolution from 4x4 on, each of which is a stage.
/// </summary>
[Cites("kingma2014auto")]
public sealed class VariationalAutoencoder : Generator
{
    private readonly ParameterViews parameters;
    private readonly int[] sides;

    private VariationalAutoencoder(AutoencoderShape settings, ParameterViews parameters)
    {
        (Settings, this.parameters) = (settings, parameters);
        sides = [.. settings.Sides];
    }

    /// <summary>The layers.</summary>
    public AutoencoderShape Settings { get; }

    /// <inheritdoc/>
    public override ValueList<long> Shape => [Settings.Channels, Settings.Side, Settings.Side];

    /// <inheritdoc/>
    public override int LatentSize => Settings.Latent;

    /// <inheritdoc/>
    public override int Classes => Settings.Classes;

    /// <inheritdoc/>
    public override int Stages => sides.Length;

    /// <inheritdoc/>
    public override TensorLayout Layout => parameters.Layout;

    /// <inheritdoc/>
    public override Tensor Flat => parameters.Flat;

    /// <summary>A network with these parameters, which it owns.</summary>
    internal static VariationalAutoencoder Of(AutoencoderShape settings, Tensor flat) =>
        new(settings, new(settings.Decoder, flat, isOwner: true));

    /// <summary>An untrained network.</summary>
    /// <exception cref="AfterimageException">A setting is out of its range.</exception>
    public static VariationalAutoencoder Untrained(AutoencoderShape settings, RandomSource random)
    {
        Numerics.Settings.Check(settings);
        return Of(settings, InitialWeights.Normal(settings.Decoder, random,
            name => name is "rgb.weight" or "dense.weight" ? 1 : Math.Sqrt(2)));
    }

    /// <inheritdoc/>
    public override Generator With(Tensor flat) => new VariationalAutoencoder(Settings, new(Layout, flat, isOwner: false));

    /// <inheritdoc/>
    public override Generator To(ScalarType type, Device? device = null) =>
        new VariationalAutoencoder(Settings, parameters.To(type, device));

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Begin(Tensor latents, Tensor? labels)
    {
        if (Classes > 0)
            return [latents, ClassLabels.Probabilities(labels, latents.shape[0], Classes, Flat.dtype, Flat.device)];
        ClassLabels.RefuseAny(labels);
        return [latents];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Advance(IReadOnlyList<Tensor> state, int stage)
    {
        var side = sides[stage];
        var features = stage > 0
            ? Resizing.Doubled(state[0])
            : nn.functional.silu(nn.functional.linear(cat([.. state], 1), parameters["dense.weight"], parameters["dense.bias"]))
                .view(-1, Settings.Width, side, side);
        foreach (var layer in (string[])[$"first{side}", $"second{side}"])
            features = nn.functional.silu(nn.functional.conv2d(features, parameters[$"{layer}.weight"], parameters[$"{layer}.bias"],
                padding: [1L, 1]));
        return stage < Stages - 1 ? [features]
            : [nn.functional.conv2d(features, parameters["rgb.weight"], parameters["rgb.bias"]).sigmoid()];
    }

    /// <inheritdoc/>
    public override Generator Detach()
    {
        parameters.Detach();
        return this;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => parameters.Dispose();
}
