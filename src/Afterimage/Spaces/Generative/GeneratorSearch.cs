namespace Afterimage.Spaces;

/// <summary>A search over the state in front of one stage of a generator: the latents, or features on their way to the image.</summary>
internal sealed class GeneratorSearch : Search
{
    private readonly IReadOnlyList<Tensor> state;
    private readonly double divergence;
    private readonly double? radius;

    private GeneratorSearch(GeneratedImages images, IReadOnlyList<Tensor> state, int stage, double divergence, double? radius)
    {
        (Images, this.state, Stage, this.divergence, this.radius) = (images, state, stage, divergence, radius);
        Start = state[0].reshape(-1).clone();
    }

    public GeneratedImages Images { get; }

    /// <summary>The stage that takes what is moved; 0 takes the latents.</summary>
    public int Stage { get; }

    /// <inheritdoc/>
    public override Tensor Start { get; }

    /// <summary>Begins with latents as they are in training.</summary>
    public static GeneratorSearch Begin(GeneratedImages images, RandomSource random, double divergence)
    {
        var generator = images.Generator;
        var latents = generator.Draw(images.Batch, random.Derive("generator"), generator.Flat.dtype, generator.Flat.device);
        return new(images, generator.Begin(latents, images.Labels), 0, divergence, null);
    }

    /// <summary>One stage on, from where this search ended; at the same stage where the next would give the image itself.</summary>
    /// <param name="variables">Where this search ended.</param>
    /// <param name="radius">How far features may move, as a share of their l1 norm.</param>
    public GeneratorSearch Next(Tensor variables, double radius)
    {
        var stage = Math.Min(Stage + 1, Images.Generator.Stages - 1);
        var next = stage == Stage ? State(variables) : Images.Generator.Advance(State(variables), Stage);
        return new(Images, [.. next.Select(part => part.detach().clone())], stage, 0, radius);
    }

    /// <summary>The state that variables stand for.</summary>
    public IReadOnlyList<Tensor> State(Tensor variables) => [variables.view(state[0].shape), .. state.Skip(1)];

    /// <inheritdoc/>
    public override Tensor Decode(Tensor variables)
    {
        var here = State(variables);
        for (var stage = Stage; stage < Images.Generator.Stages; stage++)
            here = Images.Generator.Advance(here, stage);
        return Images.Fit(here[0]);
    }

    /// <inheritdoc/>
    public override Tensor? Penalty(Tensor variables)
    {
        if (divergence == 0)
            return null;
        var latents = variables.view(state[0].shape[0], -1);
        var (mean, square) = (latents.mean([1]), latents.square().mean([1]));
        var variance = (square - mean.square()).clamp_min(1e-12);
        return (square - 1 - variance.log()).sum() * (divergence / 2);
    }

    /// <inheritdoc/>
    public override bool Project(Tensor variables) => radius is { } share && L1Ball.Project(variables, Start, Images.Batch, share);
}
