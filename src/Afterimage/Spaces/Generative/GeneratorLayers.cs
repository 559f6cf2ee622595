using Afterimage.Federation;

namespace Afterimage.Spaces;

/// <summary>
/// GIFD (Fang et al., 2023): the latents of a generator, then the features behind its first stage, its second and so on, each from where
/// the search before ended and in an l1 ball around it. Of all stages the one of the least objective is the result, so that a generator
/// that fits badly costs nothing.
/// </summary>
[Cites("fang2023gifd")]
public sealed record GeneratorLayers : SearchSpace
{
    /// <summary>A file of "afterimage train generator", or the .json of TorchScript files; null is what comes with Afterimage.</summary>
    public string? Generator { get; init; }

    /// <summary>Places behind the latents that are searched; behind the last of a generator with fewer the search goes on there.</summary>
    [Range(1, 16)]
    public int Layers { get; init; } = 4;

    /// <summary>How far features may move from where the stage before ended, as a share of the l1 norm of each image's features.</summary>
    [Range(0, 1e6, MinimumIsExclusive = true)]
    public double Radius { get; init; } = 0.5;

    /// <summary>As in <see cref="Latent"/>.</summary>
    [Range(0, 1e9)]
    public double Divergence { get; init; }

    /// <inheritdoc/>
    public override bool IsTrained => true;

    /// <inheritdoc/>
    public override Tensor? Imagine(AttackContext context, int count, RandomSource random) =>
        GeneratedImages.Imagine(Generator, context, count, random);

    /// <inheritdoc/>
    public override IReadOnlyList<SearchSpace> Stages => [First, .. Enumerable.Range(0, Layers).Select(_ => new Layer { Radius = Radius })];

    /// <inheritdoc/>
    public override bool TakesBestStage => true;

    private Latent First => new() { Generator = Generator, Divergence = Divergence };

    /// <summary>Opens the latents; whoever goes through the <see cref="SearchSpace.Stages"/> goes on from there.</summary>
    public override Search Open(AttackContext context, Tensor start, RandomSource random, Tensor? targets = null) =>
        First.Open(context, start, random, targets);

    /// <summary>One stage of the generator, behind the one before.</summary>
    private sealed record Layer : SearchSpace
    {
        public double Radius { get; init; }

        public override Search Follow(
            AttackContext context, Search before, Tensor variables, RandomSource random, Tensor? targets = null) =>
            ((GeneratorSearch)before).Next(variables, Radius);

        public override Search Open(AttackContext context, Tensor start, RandomSource random, Tensor? targets = null) =>
            throw new InvalidOperationException("A layer of a generator follows the one before it.");
    }
}
