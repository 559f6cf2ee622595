using Afterimage.Federation;

namespace Afterimage.Priors;

/// <summary>
/// The distance between the reconstructions of several simultaneous restarts (Yin et al., 2021): for each normalized image the
/// Euclidean distance from the mean over all restarts after registration, averaged over the batch.
/// </summary>
[Cites("yin2021see")]
public sealed record GroupConsistency : Prior
{
    /// <summary>The step from which it counts, at least 0.</summary>
    [Range(0, 1_000_000_000)]
    public int From { get; init; } = 500;

    /// <summary>Steps between two updates of the mean, at least 1.</summary>
    [Range(1, 1_000_000_000)]
    public int Every { get; init; } = 100;

    /// <summary>How restarts are aligned before the mean.</summary>
    public Registration Registration { get; init; } = Registration.Translation;

    /// <inheritdoc/>
    public override Func<PriorInput, Tensor> Bind(AttackContext context)
    {
        var model = context.Model;
        return trial => trial.Consensus is { } consensus
            ? (model.Normalize(trial.Images) - model.Normalize(consensus)).flatten(1).square().sum([1]).clamp_min(1e-24).sqrt().mean()
            : trial.Images.sum() * 0;
    }
}

/// <summary>How reconstructions of one image by several restarts are aligned.</summary>
public enum Registration
{
    /// <summary>They are not.</summary>
    None,

    /// <summary>By a translation of fractions of a pixel.</summary>
    Translation,

    /// <summary>By a translation, and a reflection left to right where that fits better.</summary>
    TranslationAndFlip,
}
