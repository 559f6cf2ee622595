using Afterimage.Compiled;
using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// What a client does with its batch in one round: the forward operator of the inverse problem. The attacker simulates it,
/// the client of an audit runs it; both call the same code.
/// </summary>
public abstract record LocalTraining
{
    /// <summary>Whose statistics BatchNorm uses while the client trains.</summary>
    public ModelMode Mode { get; init; } = ModelMode.Eval;

    /// <summary>What the update is.</summary>
    public abstract UpdateKind Kind { get; }

    /// <summary>A(x) at one batch, with its products.</summary>
    /// <param name="model">The shared model before the round.</param>
    /// <param name="images">Images in [0,1], shape [B,C,H,W].</param>
    /// <param name="targets">Label probabilities, shape [B,classes].</param>
    public Linearization Linearize(VictimModel model, Tensor images, Tensor targets) =>
        new GraphLinearization(model.Layout, images, targets, (x, t) => Update(model, x, t));

    /// <summary>The operator for many evaluations at batches of one size; the caller owns it and keeps the model alive.</summary>
    /// <param name="model">The shared model before the round.</param>
    /// <param name="batch">Images in the batch, for the timing behind <see cref="OperatorChoice.Auto"/>.</param>
    /// <param name="choice">Which implementation.</param>
    /// <exception cref="AfterimageException">The compiled operator was asked for and cannot be had.</exception>
    public ForwardOperator Operator(VictimModel model, int batch, OperatorChoice choice = OperatorChoice.Auto) =>
        OperatorChooser.Choose(this, model, batch, choice, Obstacle(model));

    /// <summary>Why this local training of a model cannot be compiled, the beginning of a sentence, or null where it can.</summary>
    public abstract string? Obstacle(VictimModel model);

    /// <summary>The differentiable update, one tensor for each parameter.</summary>
    protected abstract IReadOnlyList<Tensor> Update(VictimModel model, Tensor images, Tensor targets);

    /// <summary>The update is about this many times the negative or positive mean gradient: 1 for a gradient, -rate x steps for a difference.</summary>
    public abstract double GradientFactor(int batch);

    /// <summary>What libtorch says where the update cannot be differentiated once more; null where it can.</summary>
    internal string? MissingDerivative(VictimModel model, int batch)
    {
        using var scope = Tidy.Scope();
        var images = full([batch, model.Input.Channels, model.Input.Height, model.Input.Width], 0.5, model.Type, model.Device).requires_grad_();
        var targets = full([batch, model.Classes], 1.0 / model.Classes, model.Type, model.Device).requires_grad_();
        return Differentiate.Obstacle(Update(model, images, targets), [images, targets]);
    }

    internal static Tensor Loss(VictimModel model, Tensor images, Tensor targets, ModelMode mode, IReadOnlyList<Tensor>? parameters = null) =>
        -(targets * nn.functional.log_softmax(model.Logits(images, mode, parameters), 1)).sum() / images.shape[0];
}

public enum UpdateKind
{
    /// <summary>The gradient of the mean loss.</summary>
    Gradient,

    /// <summary>Weights after local training minus weights before.</summary>
    WeightDifference,
}

/// <summary>One gradient of the mean cross-entropy over the batch (McMahan et al., 2017).</summary>
[Cites("mcmahan2017communication")]
public sealed record FedSgd : LocalTraining
{
    public override UpdateKind Kind => UpdateKind.Gradient;

    public override double GradientFactor(int batch) => 1;

    public override string? Obstacle(VictimModel model) => CompiledOperator.Obstacle(model)
        ?? (Mode == ModelMode.Train && model.Buffers.Count > 0 ? "BatchNorm in train mode uses the batch's own statistics" : null);

    protected override IReadOnlyList<Tensor> Update(VictimModel model, Tensor images, Tensor targets) =>
        Differentiate.Gradients(Loss(model, images, targets, Mode), model.Parameters, graph: true);
}

/// <summary>
/// Federated averaging (McMahan et al., 2017): epochs of plain SGD over mini-batches in the order of the images; the
/// update is the weight difference. Unrolled, so that it can be differentiated with respect to the images.
/// </summary>
[Cites("mcmahan2017communication")]
public sealed record FedAvg : LocalTraining
{
    public int Epochs { get; init; } = 1;

    /// <summary>Images of one local step; the last step of an epoch may have fewer.</summary>
    public int BatchSize { get; init; } = 1;

    public double LearningRate { get; init; } = 0.01;

    public override UpdateKind Kind => UpdateKind.WeightDifference;

    public override string? Obstacle(VictimModel model) => "Federated averaging unrolls its local steps";

    public override double GradientFactor(int batch) => -LearningRate * Epochs * ((batch + BatchSize - 1) / BatchSize);

    protected override IReadOnlyList<Tensor> Update(VictimModel model, Tensor images, Tensor targets)
    {
        if (Epochs < 1 || BatchSize < 1 || !(LearningRate > 0))
            throw new AfterimageException($"FedAvg needs at least one epoch, a batch size of at least one and a positive learning rate; it has {Epochs}, {BatchSize} and {LearningRate}.");
        IReadOnlyList<Tensor> current = model.Parameters;
        var batch = images.shape[0];
        for (var epoch = 0; epoch < Epochs; epoch++)
            for (var from = 0L; from < batch; from += BatchSize)
            {
                var count = Math.Min(BatchSize, batch - from);
                var loss = Loss(model, images.narrow(0, from, count), targets.narrow(0, from, count), Mode, current);
                var gradients = Differentiate.Gradients(loss, current, graph: true);
                current = [.. current.Zip(gradients, (weight, gradient) => weight - LearningRate * gradient)];
            }
        return [.. current.Zip(model.Parameters, (after, before) => after - before)];
    }
}
