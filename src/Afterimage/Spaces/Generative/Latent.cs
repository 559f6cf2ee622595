using Afterimage.Federation;
using Afterimage.Networks;

namespace Afterimage.Spaces;

/// <summary>
/// The latents of a trained generator, one for every image (Li et al., 2022): what the generator cannot draw is not found. Images of
/// another size or number of channels are resized, as Jeon et al. (2021) do. The start's images are not used.
/// </summary>
[Cites("jeon2021gradient", "li2022auditing")]
public sealed record Latent : SearchSpace
{
    /// <summary>A file of "afterimage train generator", or the .json of TorchScript files; null is what comes with Afterimage.</summary>
    public string? Generator { get; init; }

    /// <summary>
    /// Weight of the Kullback-Leibler divergence between a normal distribution of the mean and variance of every latent's numbers and the
    /// standard one (Li et al., 2022).
    /// </summary>
    [Range(0, 1e9)]
    public double Divergence { get; init; }

    /// <inheritdoc/>
    public override bool IsTrained => true;

    /// <inheritdoc/>
    public override Tensor? Imagine(AttackContext context, int count, RandomSource random) =>
        GeneratedImages.Imagine(Generator, context, count, random);

    /// <inheritdoc/>
    public override Search Open(AttackContext context, Tensor start, RandomSource random, Tensor? targets = null) =>
        GeneratorSearch.Begin(GeneratedImages.Open(Generator, context, targets), random, Divergence);
}
