using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// Federated averaging (McMahan et al., 2017): epochs of mini-batch steps; the update is the weight difference. Unrolled, so that
/// it can be differentiated with respect to the images.
/// </summary>
[Cites("mcmahan2017communication")]
public sealed record FedAvg : LocalTraining
{
    /// <summary>Passes over the client's images.</summary>
    [Range(1, 10_000)]
    public int Epochs { get; init; } = 1;

    /// <summary>Images of one local step; the last step of an epoch may have fewer.</summary>
    [Range(1, 65_536)]
    public int BatchSize { get; init; } = 1;

    /// <summary>Step size of the local optimizer.</summary>
    [Range(0, 1e6, MinimumIsExclusive = true)]
    public double LearningRate { get; init; } = 0.01;

    /// <summary>What a step makes of its gradient.</summary>
    public LocalOptimizer Optimizer { get; init; } = new Sgd();

    /// <summary>
    /// Whether the client draws a new order in every epoch; the server does not know it and assumes the order of the batch.
    /// </summary>
    public bool Shuffle { get; init; }

    /// <inheritdoc/>
    public override UpdateKind Kind => UpdateKind.WeightDifference;

    /// <inheritdoc/>
    public override string? Obstacle(VictimModel model) => "Federated averaging unrolls its local steps";

    /// <inheritdoc/>
    public override double GradientFactor(int batch) => -LearningRate * Optimizer.Gain(Epochs * StepsOf(batch))
        * (Loss.Reduction == Reduction.Sum ? (double)batch / StepsOf(batch) : 1);

    /// <inheritdoc/>
    public override int MaskRows(int batch) => Epochs * batch;

    /// <summary>Steps of one epoch over this many images.</summary>
    public int StepsOf(int batch) => (batch + BatchSize - 1) / BatchSize;

    /// <inheritdoc/>
    public override GradientSet Train(VictimModel model, Batch batch, RandomSource random) =>
        new StepwiseLinearization(Run(model, batch.Count, Draw(model, batch.Count, random)), batch).Value;

    /// <inheritdoc/>
    public override ForwardOperator Operator(VictimModel model, int batch, OperatorChoice choice = OperatorChoice.Auto) =>
        choice == OperatorChoice.Stepwise || (choice == OperatorChoice.Auto && Epochs * StepsOf(batch) > LocalRun.PlainSteps)
            ? new StepwiseOperator(this, model)
            {
                Reason = choice == OperatorChoice.Stepwise ? "Local steps are pulled back one by one, as was asked for."
                    : $"{Epochs * StepsOf(batch)} local steps are pulled back one by one, so that memory holds the graph of one.",
            }
            : base.Operator(model, batch, choice);

    /// <inheritdoc/>
    protected internal override IReadOnlyList<Tensor> Update(VictimModel model, Batch batch, RandomChoices choices) =>
        Run(model, batch.Count, choices).Unrolled(batch);

    /// <inheritdoc/>
    protected internal override RandomChoices Draw(VictimModel model, int batch, RandomSource random)
    {
        if (!Shuffle)
            return base.Draw(model, batch, random);
        var orders = new int[Epochs][];
        for (var epoch = 0; epoch < Epochs; epoch++)
        {
            orders[epoch] = [.. Enumerable.Range(0, batch)];
            random.Derive("order", epoch).Managed().Shuffle(orders[epoch]);
        }
        return new(orders, DrawMasks(model, batch, random));
    }

    internal LocalRun Run(VictimModel model, int batch, RandomChoices choices, bool separate = false)
    {
        Settings.Check(this);
        return new(this, model, batch, choices, separate);
    }
}
