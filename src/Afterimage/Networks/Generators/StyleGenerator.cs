namespace Afterimage.Networks;

/// <summary>
/// The generator of StyleGAN2 (Karras et al., 2020): a mapping network makes an intermediate latent, from which every convolution takes its
/// style; noise is added behind every convolution, and the colors of all resolutions are summed. Stage 0 is the mapping network, every
/// further stage one resolution from 4x4 on.
/// </summary>
[Cites("karras2020analyzing")]
public sealed class StyleGenerator : Generator
{
    private const double Leak = 0.2, Tiny = 1e-8;

    // Strengths of noise learn more slowly than weights: at the same rate the discriminator is first answered with noise alone.
    private const double NoiseScale = 0.1;

    // The variance that a leaky ReLU takes away.
    private static readonly double Gain = Math.Sqrt(2 / (1 + Leak * Leak));
    private readonly ParameterViews parameters;
    private readonly (string Name, int Side, int Inputs, int Outputs)[] convolutions;
    private readonly int[] sides;

    private StyleGenerator(StyleShape settings, ParameterViews parameters)
    {
        (Settings, this.parameters) = (settings, parameters);
        (convolutions, sides) = ([.. settings.Convolutions], [.. settings.Sides]);
    }

    /// <summary>The layers.</summary>
    public StyleShape Settings { get; }

    /// <inheritdoc/>
    public override ValueList<long> Shape => [Settings.Channels, Settings.Side, Settings.Side];

    /// <inheritdoc/>
    public override int LatentSize => Settings.Latent;

    /// <inheritdoc/>
    public override int Classes => Settings.Classes;

    /// <inheritdoc/>
    public override int Stages => sides.Length + 1;

    /// <inheritdoc/>
    public override TensorLayout Layout => parameters.Layout;

    /// <inheritdoc/>
    public override Tensor Flat => parameters.Flat;

    /// <summary>A network with these parameters, which it owns.</summary>
    internal static StyleGenerator Of(StyleShape settings, Tensor flat) => new(settings, new(settings.Layout, flat, isOwner: true));

    /// <summary>An untrained network: weights of variance 1/inputs, styles around one, no noise.</summary>
    /// <exception cref="AfterimageException">A setting is out of its range.</exception>
    public static StyleGenerator Untrained(StyleShape settings, RandomSource random)
    {
        Numerics.Settings.Check(settings);
        return Of(settings, InitialWeights.Normal(settings.Layout, random, name => name == "constant" ? 4 * Math.Sqrt(settings.Width)
            : name.StartsWith("mapping", StringComparison.Ordinal) ? Gain : 1));
    }

    /// <inheritdoc/>
    public override Generator With(Tensor flat) => new StyleGenerator(Settings, new(Layout, flat, isOwner: false));

    /// <inheritdoc/>
    public override Generator To(ScalarType type, Device? device = null) => new StyleGenerator(Settings, parameters.To(type, device));

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Begin(Tensor latents, Tensor? labels) => Begin(latents, labels, null);

    /// <summary>The same with fresh noise for every image, as in training.</summary>
    /// <param name="latents">[B,Latent].</param>
    /// <param name="labels">As in the other overload.</param>
    /// <param name="noise">Draws the noise; null takes the fixed one.</param>
    internal IReadOnlyList<Tensor> Begin(Tensor latents, Tensor? labels, RandomSource? noise)
    {
        var (batch, type, device) = (latents.shape[0], Flat.dtype, Flat.device);
        List<Tensor> state = [latents];
        if (Classes == 0)
            ClassLabels.RefuseAny(labels);
        else
            state.Add(ClassLabels.Probabilities(labels, batch, Classes, type, device));
        using var normal = (noise ?? new RandomSource(Settings.NoiseSeed).Derive("fixed noise")).Generator(CPU);
        state.AddRange(convolutions.Select(layer => randn([noise is null ? 1 : batch, 1, layer.Side, layer.Side],
            ScalarType.Float32, CPU, generator: normal).to(type, device)));
        return state;
    }

    /// <inheritdoc/>
    public override IReadOnlyList<Tensor> Advance(IReadOnlyList<Tensor> state, int stage)
    {
        if (stage == 0)
            return [Mapped(state[0], Classes > 0 ? state[1] : null), .. state.Skip(Classes > 0 ? 2 : 1)];
        var side = sides[stage - 1];
        // In front of 4x4 the state is [w, noise...], behind it [features, colors, w, noise...].
        var (features, colors, style) = stage == 1
            ? (parameters["constant"].expand(state[0].shape[0], -1, -1, -1), null, state[0]) : (state[0], state[1], state[2]);
        var noise = new Queue<Tensor>(state.Skip(stage == 1 ? 1 : 3));
        if (stage > 1)
            // At the smaller side a convolution costs a quarter.
            features = Activated(Resizing.Doubled(Convolved(features, $"up{side}", style)), $"up{side}", noise.Dequeue());
        features = Activated(Convolved(features, $"conv{side}", style), $"conv{side}", noise.Dequeue());
        var rgb = $"rgb{side}";
        var added = nn.functional.conv2d(features * Style(rgb, style), parameters[$"{rgb}.weight"], parameters[$"{rgb}.bias"]);
        colors = colors is null ? added : Resizing.Doubled(colors) + added;
        return stage == Stages - 1 ? [colors.sigmoid()] : [features, colors, style, .. noise];
    }

    private Tensor Mapped(Tensor latents, Tensor? classes)
    {
        var w = Normalized(latents);
        if (classes is not null)
            w = cat([w, Normalized(nn.functional.linear(classes, parameters["classes.weight"]))], 1);
        for (var layer = 0; layer < Settings.Mapping; layer++)
            w = nn.functional.leaky_relu(
                nn.functional.linear(w, parameters[$"mapping{layer}.weight"], parameters[$"mapping{layer}.bias"]), Leak);
        return w;
    }

    private static Tensor Normalized(Tensor rows) => rows * (rows.square().mean([1], keepdim: true) + Tiny).rsqrt();

    /// <summary>[B,inputs,1,1]: the factor of every channel that a convolution reads.</summary>
    private Tensor Style(string layer, Tensor w) =>
        nn.functional.linear(w, parameters[$"{layer}.style.weight"], parameters[$"{layer}.style.bias"]).unsqueeze(2).unsqueeze(3) + 1;

    /// <summary>
    /// A convolution whose weights are scaled by the style and divided by their norm. Scaling what goes in and what comes out gives the
    /// same numbers as weights for every image.
    /// </summary>
    private Tensor Convolved(Tensor features, string layer, Tensor w)
    {
        var weight = parameters[$"{layer}.weight"];
        var style = Style(layer, w);
        var norm = (nn.functional.linear(style.flatten(1).square(), weight.square().sum([2, 3])) + Tiny).rsqrt();
        return nn.functional.conv2d(features * style, weight, null, padding: [1L, 1]) * (norm * Gain).unsqueeze(2).unsqueeze(3);
    }

    private Tensor Activated(Tensor features, string layer, Tensor noise) => nn.functional.leaky_relu(
        features + noise * (parameters[$"{layer}.noise"] * NoiseScale) + parameters[$"{layer}.bias"].view(1, -1, 1, 1), Leak);

    /// <inheritdoc/>
    public override Generator Detach()
    {
        parameters.Detach();
        return this;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => parameters.Dispose();
}
