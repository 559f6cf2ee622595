using Afterimage.Compiled;
using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>One gradient of the loss of the batch (McMahan et al., 2017).</summary>
[Cites("mcmahan2017communication")]
public sealed record FedSgd : LocalTraining
{
    /// <inheritdoc/>
    public override UpdateKind Kind => UpdateKind.Gradient;

    /// <inheritdoc/>
    public override double GradientFactor(int batch) => Loss.Images(batch);

    /// <inheritdoc/>
    public override int MaskRows(int batch) => batch;

    /// <inheritdoc/>
    public override string? Obstacle(VictimModel model) => CompiledOperator.Obstacle(model, Loss, Mode);

    /// <inheritdoc/>
    public override GradientSet Evaluate(VictimModel model, Batch batch, RandomChoices? choices = null)
    {
        using var scope = Tidy.Scope();
        var loss = LossOf(model, batch.Detach(), masks: choices?.Masks);
        var gradient = GradientSet.Gather(model.Layout, Differentiate.Gradients(loss, model.Parameters));
        gradient.Flat.MoveToOuterDisposeScope();
        return gradient;
    }

    /// <inheritdoc/>
    protected internal override IReadOnlyList<Tensor> Update(VictimModel model, Batch batch, RandomChoices choices) =>
        Differentiate.Gradients(LossOf(model, batch, masks: choices.Masks), model.Parameters, graph: true);
}
