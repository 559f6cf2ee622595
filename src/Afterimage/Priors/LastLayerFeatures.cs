using Afterimage.Federation;

namespace Afterimage.Priors;

/// <summary>
/// What reaches the last linear layer should be what its update tells (as Geiping et al., 2020, observe of linear layers): the row of the
/// weight's update divided by the entry of the bias's, for the class of each image; mean square. Exact at batch size 1; in a batch a
/// row mixes the images of its class with a little of all others.
/// </summary>
[Cites("geiping2020inverting")]
public sealed record LastLayerFeatures : Prior
{
    public override Func<PriorInput, Tensor> Bind(AttackContext context)
    {
        if (context.Model.Head is not (var weight, { } bias))
            throw new AfterimageException("The prior on features needs a last linear layer with a bias, and this model has none: leave it out.");
        var (rows, entries) = (context.Observation.Update[weight], context.Observation.Update[bias]);
        // A class without any update tells nothing of its features.
        var told = entries.abs() > entries.abs().max() * 1e-6;
        var features = where(told.unsqueeze(1), rows / where(told, entries, ones_like(entries)).unsqueeze(1), zeros_like(rows));
        return trial => (trial.Trace.Features! - trial.Targets.matmul(features)).square().mean();
    }
}
