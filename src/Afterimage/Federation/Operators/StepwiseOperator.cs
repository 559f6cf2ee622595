using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>Federated averaging pulled back one local step at a time; it borrows the model.</summary>
internal sealed class StepwiseOperator(FedAvg training, VictimModel model, bool separate = false) : ForwardOperator
{
    public override string Name => "stepwise";

    public override Linearization At(Batch batch) =>
        new StepwiseLinearization(training.Run(model, batch.Count, RandomChoices.None, separate), batch);
}
