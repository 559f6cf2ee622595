using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// Federated averaging as an attacker simulates it who does not know the order of any epoch: every epoch has images of its own, one
/// epoch after the other in the batch.
/// </summary>
internal sealed record SeparateEpochs(FedAvg Local) : LocalTraining
{
    public override UpdateKind Kind => UpdateKind.WeightDifference;

    public override string? Obstacle(VictimModel model) => Local.Obstacle(model);

    public override double GradientFactor(int batch) => Local.GradientFactor(batch / Local.Epochs);

    public override int MaskRows(int batch) => batch;

    public override ForwardOperator Operator(VictimModel model, int batch, OperatorChoice choice = OperatorChoice.Auto)
    {
        var steps = Local.Epochs * Local.StepsOf(batch / Local.Epochs);
        return choice == OperatorChoice.Stepwise || (choice == OperatorChoice.Auto && steps > LocalRun.PlainSteps)
            ? new StepwiseOperator(Local, model, separate: true) { Reason = $"{steps} local steps, each epoch on images of its own, are pulled back one by one." }
            : base.Operator(model, batch, choice);
    }

    protected internal override IReadOnlyList<Tensor> Update(VictimModel model, Batch batch, RandomChoices choices) =>
        Local.Run(model, batch.Count, choices, separate: true).Unrolled(batch);
}
