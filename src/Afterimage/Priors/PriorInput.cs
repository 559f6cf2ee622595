using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Priors;

/// <summary>One iterate of a search. Priors on activations of the model share one forward pass.</summary>
/// <param name="context">The round.</param>
/// <param name="images">Images in [0,1], shape [B,C,H,W].</param>
/// <param name="targets">Label probabilities, shape [B,classes].</param>
/// <param name="consensus">The mean over a group of restarts, aligned with these images, [B,C,H,W]; null without a group.</param>
public sealed class PriorInput(AttackContext context, Tensor images, Tensor targets, Tensor? consensus = null)
{
    private Trace? trace;

    /// <summary>Images in [0,1], shape [B,C,H,W].</summary>
    public Tensor Images => images;

    /// <summary>Label probabilities, shape [B,classes].</summary>
    public Tensor Targets => targets;

    /// <summary>The mean over a group of restarts, aligned with these images, [B,C,H,W]; null without a group.</summary>
    public Tensor? Consensus => consensus;

    /// <summary>Inputs of the model's layers for these images, in the mode of the client's training.</summary>
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
