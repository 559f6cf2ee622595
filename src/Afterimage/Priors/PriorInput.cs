using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Priors;

/// <summary>One iterate of a search as its priors see it. Priors that look inside the model share one forward pass.</summary>
/// <param name="context">The round.</param>
/// <param name="images">Images in [0,1], shape [B,C,H,W].</param>
/// <param name="targets">Label probabilities, shape [B,classes].</param>
/// <param name="consensus">What the restarts of a group agree on, in the order and place of these images; null without a group.</param>
public sealed class PriorInput(AttackContext context, Tensor images, Tensor targets, Tensor? consensus = null)
{
    private Trace? trace;

    public Tensor Images => images;

    public Tensor Targets => targets;

    public Tensor? Consensus => consensus;

    /// <summary>What the model's layers see of these images, in the mode of the client's training.</summary>
    public Trace Trace
    {
        get
        {
            if (trace is null)
            {
                trace = new();
                context.Model.Logits(images, context.Observation.Training.Mode, trace: trace);
            }
            return trace;
        }
    }
}
