using Afterimage.Federation;

namespace Afterimage.Priors;

/// <summary>
/// The mean squared difference between the inputs of the last linear layer and those that its update implies (as Geiping et al.,
/// 2020, observe of linear layers): for each image, its class's row of the weight update divided by that entry of the bias update.
/// Exact at batch size 1; in a batch, a row mixes the images of its class with a small share of all others.
/// </summary>
[Cites("geiping2020inverting")]
public sealed record LastLayerFeatures : Prior
{
    /// <inheritdoc/>
    public override Func<PriorInput, Tensor> Bind(AttackContext context)
    {
        if (context.Model.Head is not (var weight, { } bias))
            throw new AfterimageException(
                "The prior on features needs a last linear layer with a bias, and this model has none: leave it out.");
        var (rows, entries) = (context.Observation.Update[weight], context.Observation.Update[bias]);
        // A class without an update implies nothing about its features.
        var told = entries.abs() > entries.abs().max() * 1e-6;
        var features = where(told.unsqueeze(1), rows / where(told, entries, ones_like(entries)).unsqueeze(1), zeros_like(rows));
        return trial => (trial.Trace.Features! - trial.Targets.matmul(features)).square().mean();
    }
}
