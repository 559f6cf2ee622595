using Afterimage.Federation;

namespace Afterimage.Priors;

/// <summary>
/// Restarts that go side by side should agree (Yin et al., 2021): for each image the distance |x - E(x)|, as the network sees it, from
/// the mean over all restarts after registration, averaged over the batch.
/// </summary>
[Cites("yin2021see")]
public sealed record GroupConsistency : Prior
{
    /// <summary>The step at which it begins, when the restarts have found something to agree on.</summary>
    public int From { get; init; } = 500;

    /// <summary>Steps between two consensuses.</summary>
    public int Every { get; init; } = 100;

    public Registration Registration { get; init; } = Registration.Translation;

    public override Func<PriorInput, Tensor> Bind(AttackContext context)
    {
        if (From < 0 || Every < 1)
            throw new AfterimageException($"Group consistency begins at a step from 0 and is renewed every one or more; it has {From} and {Every}.");
        var model = context.Model;
        return trial => trial.Consensus is { } consensus
            ? (model.Normalize(trial.Images) - model.Normalize(consensus)).flatten(1).square().sum([1]).clamp_min(1e-24).sqrt().mean()
            : trial.Images.sum() * 0;
    }
}

/// <summary>How reconstructions of one image by several restarts are brought to lie on one another.</summary>
public enum Registration
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>By a translation of fractions of a pixel.</summary>
    Translation,

    /// <summary>By a translation, and a reflection left to right where that fits better.</summary>
    TranslationAndFlip,
}
