using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// Local training of which the server knows only that a weight difference came out: it is taken for one mean gradient times minus a
/// length, the learning rate times the number of steps. One update tells that product, not its factors.
/// </summary>
public sealed record HiddenTraining : LocalTraining
{
    /// <summary>Learning rate times steps, as far as known; null lets the attacker read it from the update.</summary>
    public double? Length { get; init; }

    public override UpdateKind Kind => UpdateKind.WeightDifference;

    public override string? Obstacle(VictimModel model) => new FedSgd { Mode = Mode }.Obstacle(model);

    public override double GradientFactor(int batch) => -(Length ?? 1);

    public override int MaskRows(int batch) => batch;

    public override ForwardOperator Operator(VictimModel model, int batch, OperatorChoice choice = OperatorChoice.Auto)
    {
        var gradient = new FedSgd { Mode = Mode }.Operator(model, batch, choice);
        return new ScaledOperator(gradient, GradientFactor(batch)) { Reason = gradient.Reason };
    }

    protected internal override IReadOnlyList<Tensor> Update(VictimModel model, Tensor images, Tensor targets, Chance chance) =>
        [.. new FedSgd { Mode = Mode }.Update(model, images, targets, chance).Select(gradient => gradient * GradientFactor(1))];

    /// <summary>
    /// The length that an update of the head's bias tells: every class c that is not in the batch has lost the length times the mean
    /// probability that the model gave it, and probabilities are about those of gray noise. Null for a head without a bias.
    /// </summary>
    /// <param name="model">The shared model before the round.</param>
    /// <param name="update">Weights after minus weights before.</param>
    /// <param name="random">Draws the noise.</param>
    public static double? Estimate(VictimModel model, GradientSet update, RandomSource random)
    {
        const int Samples = 64;
        if (model.Head is not { Bias: { } place })
            return null;
        using var scope = Tidy.Scope();
        using var generator = random.Derive("length").Generator(model.Device);
        var noise = rand([Samples, model.Input.Channels, model.Input.Height, model.Input.Width], ScalarType.Float32, model.Device,
            generator: generator).to(model.Type);
        var probabilities = Numbers(model.Logits(noise).softmax(1).mean([0]));
        var bias = Numbers(update[place]);
        var absent = Enumerable.Range(0, bias.Length).Where(c => bias[c] < 0).ToArray();
        var length = absent.Sum(c => -bias[c]) / absent.Sum(c => probabilities[c]);
        return double.IsFinite(length) && length > 0 ? length : null;
    }

    private static double[] Numbers(Tensor vector) => vector.detach().to(ScalarType.Float64).cpu().data<double>().ToArray();
}
