using Afterimage.Federation;

namespace Afterimage.Spaces;

/// <summary>
/// GIAS (Jeon et al., 2021): the latents of a generator, and then, from where that search ended, the generator's own parameters, a copy
/// for every image. What the generator could not draw comes within reach.
/// </summary>
[Cites("jeon2021gradient")]
public sealed record TunedGenerator : SearchSpace
{
    /// <summary>A file of "afterimage train generator", or the .json of TorchScript files; null is what comes with Afterimage.</summary>
    public string? Generator { get; init; }

    /// <summary>The share of the solver's steps that look for latents, in (0,1).</summary>
    [Range(0, 1, MinimumIsExclusive = true, MaximumIsExclusive = true)]
    public double LatentShare { get; init; } = 1 / 11.0;

    /// <summary>The learning rate of parameters as a multiple of that of latents.</summary>
    [Range(0, 1e6, MinimumIsExclusive = true)]
    public double ParameterRate { get; init; } = 1 / 30.0;

    /// <summary>As in <see cref="Latent"/>.</summary>
    [Range(0, 1e9)]
    public double Divergence { get; init; }

    /// <inheritdoc/>
    public override bool IsTrained => true;

    /// <inheritdoc/>
    public override Tensor? Imagine(AttackContext context, int count, RandomSource random) =>
        GeneratedImages.Imagine(Generator, context, count, random);

    /// <inheritdoc/>
    public override IReadOnlyList<SearchSpace> Stages => [this, new Parameters { Rate = ParameterRate, Rest = 1 - LatentShare }];

    /// <inheritdoc/>
    public override double Share => LatentShare;

    /// <summary>Opens the latents; whoever goes through the <see cref="SearchSpace.Stages"/> goes on from there.</summary>
    public override Search Open(AttackContext context, Tensor start, RandomSource random, Tensor? targets = null) =>
        new Latent { Generator = Generator, Divergence = Divergence }.Open(context, start, random, targets);

    /// <summary>The parameters behind the latents that were found.</summary>
    private sealed record Parameters : SearchSpace
    {
        public double Rate { get; init; }

        public double Rest { get; init; }

        public override double Share => Rest;

        public override Search Follow(
            AttackContext context, Search before, Tensor variables, RandomSource random, Tensor? targets = null) =>
            new ParameterSearch((GeneratorSearch)before, variables, Rate);

        public override Search Open(AttackContext context, Tensor start, RandomSource random, Tensor? targets = null) =>
            throw new InvalidOperationException("The parameters of a generator follow its latents.");
    }

    private sealed class ParameterSearch(GeneratorSearch latents, Tensor found, double rate) : Search
    {
        private readonly Tensor latent = latents.State(found)[0].detach().clone();

        public override double Rate => rate;

        public override Tensor Start { get; } = latents.Images.Generator.Flat.detach().repeat(latents.Images.Batch);

        public override Tensor Decode(Tensor variables) => latents.Images.Fit(cat([.. Enumerable.Range(0, latents.Images.Batch).Select(i =>
            latents.Images.Generator.With(variables.view(latents.Images.Batch, -1)[i])
                .Decode(latent.narrow(0, i, 1), latents.Images.LabelsOf(i)))]));

        public override bool Project(Tensor variables) => false;
    }
}
