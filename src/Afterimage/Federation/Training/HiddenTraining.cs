using Afterimage.Data;
using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// Local training of which the server knows only that a weight difference came out: it is taken for one mean gradient times minus a
/// length, the learning rate times the number of steps (and their images, where the loss is a sum). One update tells that product, not
/// its factors.
/// </summary>
public sealed record HiddenTraining : LocalTraining
{
    /// <summary>Learning rate times steps, as far as known; null lets the attacker read it from the update.</summary>
    [Range(0, 1e9, MinimumIsExclusive = true)]
    public double? Length { get; init; }

    /// <inheritdoc/>
    public override UpdateKind Kind => UpdateKind.WeightDifference;

    /// <inheritdoc/>
    public override string? Obstacle(VictimModel model) => Gradient.Obstacle(model);

    /// <inheritdoc/>
    public override double GradientFactor(int batch) => -(Length ?? 1);

    /// <inheritdoc/>
    public override int MaskRows(int batch) => batch;

    /// <inheritdoc/>
    public override ForwardOperator Operator(VictimModel model, int batch, OperatorChoice choice = OperatorChoice.Auto)
    {
        var gradient = Gradient.Operator(model, batch, choice);
        return new ScaledOperator(gradient, GradientFactor(batch)) { Reason = gradient.Reason };
    }

    /// <inheritdoc/>
    protected internal override IReadOnlyList<Tensor> Update(VictimModel model, Batch batch, RandomChoices choices) =>
        [.. Gradient.Update(model, batch, choices).Select(gradient => gradient * GradientFactor(1))];

    private FedSgd Gradient => new() { Mode = Mode, Loss = Loss with { Reduction = Reduction.Mean } };

    /// <summary>
    /// The length that an update of the head's bias tells: a class that is not in the batch has lost the length times the mean
    /// probability that the model gave it, and one that is has lost less. Probabilities are taken from procedural images; the classes
    /// that lost most for their probability, as many as must be absent, give the length. Null for a head without a bias.
    /// </summary>
    /// <param name="model">The shared model before the round.</param>
    /// <param name="update">Weights after minus weights before.</param>
    /// <param name="batch">Images in the client's batch.</param>
    public static double? Estimate(VictimModel model, GradientSet update, int batch)
    {
        if (model.Head is not { Bias: { } place })
            return null;
        using var scope = Tidy.Scope();
        var probabilities = Numbers(model.Logits(PublicImages(model)).softmax(1).mean([0]));
        var bias = Numbers(update[place]);
        var absent = Enumerable.Range(0, bias.Length).OrderByDescending(c => -bias[c] / probabilities[c])
            .Take(Math.Max(1, bias.Length - batch)).ToArray();
        var length = absent.Sum(c => -bias[c]) / absent.Sum(c => probabilities[c]);
        return double.IsFinite(length) && length > 0 ? length : null;
    }

    /// <summary>Procedural images, or gray noise in shapes that have none.</summary>
    private static Tensor PublicImages(VictimModel model)
    {
        const int Samples = 32;
        var (channels, height, width) = model.Input;
        if (!DeadLeaves.CanHave(model.Input))
        {
            using var generator = new RandomSource(0).Derive("length").Generator(CPU);
            return rand([Samples, channels, height, width], ScalarType.Float32, CPU, generator: generator).to(model.Type, model.Device);
        }
        var leaves = new DeadLeaves { Shape = model.Input }.Open();
        return tensor(Enumerable.Range(0, Samples).SelectMany(i => leaves[i].Pixels).ToArray()).view(-1, channels, height, width)
            .to(model.Type, model.Device);
    }

    private static double[] Numbers(Tensor vector) => vector.detach().to(ScalarType.Float64).cpu().data<double>().ToArray();
}
