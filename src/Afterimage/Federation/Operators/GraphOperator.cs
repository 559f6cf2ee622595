using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>The operator by automatic differentiation; it borrows the model.</summary>
internal sealed class GraphOperator(LocalTraining training, VictimModel model) : ForwardOperator
{
    public override string Name => "autograd";

    public override Linearization At(Batch batch) => training.Linearize(model, batch);
}
