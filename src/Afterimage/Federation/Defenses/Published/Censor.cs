using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// CENSOR (Zhang et al., NDSS 2025): every tensor of the update is replaced by a random one of the same norm that is orthogonal to it; of
/// several draws the one is sent after whose step the loss of the batch is lowest. The projection here divides by the squared norm, so that
/// it is orthogonal. What is left to an attacker is one norm for each tensor.
/// </summary>
[Cites("zhang2025censor")]
public sealed record Censor : Defense
{
    /// <summary>Draws of which the best is sent, up to 1000; 0 sends the update as it is.</summary>
    [Range(0, 1000)]
    public int Draws { get; init; }

    /// <summary>Learning rate of the step by which draws are compared.</summary>
    [Range(0, 1e6, MinimumIsExclusive = true)]
    public double LearningRate { get; init; } = 1e-4;

    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null)
    {
        Settings.Check(this);
        if (Draws == 0)
            return update;
        var client = LocalRound.Needed(round, "censor");
        using var generator = random.Derive("subspace").Generator(CPU);
        // A weight difference points downhill, a gradient uphill.
        var step = client.Training.Kind == UpdateKind.Gradient ? -LearningRate : LearningRate;
        GradientSet? best = null;
        var lowest = double.PositiveInfinity;
        for (var i = 0; i < Draws; i++)
        {
            var drawn = GradientSet.Gather(update.Layout, [.. update.Split().Select(part => Orthogonal(part, generator))]);
            var moved = client.Model.Parameters.Zip(drawn.Split(), (weight, change) => weight.detach() + change * step).ToArray();
            var loss = client.Training.Loss.Of(client.Model.Logits(client.Batch.Inputs, client.Training.Mode, moved), client.Batch.Targets)
                .detach().to(ScalarType.Float64).ToDouble();
            if (best is null || loss < lowest)
                (best, lowest) = (drawn, loss);
        }
        return best!;
    }

    /// <inheritdoc/>
    public override Channel Known(VictimModel? model = null)
    {
        Settings.Check(this);
        return Draws == 0 ? Channel.None : new Norms();
    }

    /// <summary>A random tensor orthogonal to another, with its norm; of a single number nothing is orthogonal but zero.</summary>
    private static Tensor Orthogonal(Tensor part, Generator generator)
    {
        var (own, square) = (part.to(ScalarType.Float64), part.to(ScalarType.Float64).square().sum().ToDouble());
        if (part.numel() < 2 || square == 0)
            return zeros_like(part);
        var drawn = randn(part.shape, ScalarType.Float64, CPU, generator: generator).to(part.device);
        // Once more, for rounding leaves a rest of the first.
        for (var i = 0; i < 2; i++)
            drawn = drawn - own * ((own * drawn).sum() / square);
        return (drawn * (Math.Sqrt(square) / drawn.norm())).to(part.dtype);
    }

    /// <summary>One norm for each tensor, spread evenly over its numbers so that it can be compared as an update.</summary>
    private sealed class Norms : Channel
    {
        public override ChannelEffects Effects => ChannelEffects.Mapped;

        public override string Description => "whose tensors were replaced by orthogonal ones of the same norms (CENSOR)";

        public override GradientSet Read(GradientSet sent) => new Map(sent).Value;

        public override ChannelMap At(GradientSet update) => new Map(update);

        public override bool Lacks(GradientSet sent, int tensor) => true;
    }

    private sealed class Map : ChannelMap
    {
        private readonly TensorLayout layout;
        private readonly Tensor[] directions;

        public Map(GradientSet update)
        {
            layout = update.Layout;
            var parts = update.Split();
            // Of a single number nothing arrives.
            directions = [.. parts.Select(part => part.numel() < 2 ? zeros_like(part) : part / part.norm().clamp_min(1e-30))];
            Value = Each(update, (part, direction) => ones_like(part) * ((direction * part).sum() / Math.Sqrt(part.numel())));
        }

        public override GradientSet Value { get; }

        public override GradientSet Push(GradientSet change) => Each(change, (part, direction) =>
            ones_like(part) * ((direction * part).sum() / Math.Sqrt(part.numel())));

        public override GradientSet Pull(GradientSet direction) => Each(direction, (part, own) =>
            own * (part.sum() / Math.Sqrt(part.numel())));

        private GradientSet Each(GradientSet numbers, Func<Tensor, Tensor, Tensor> apply) =>
            GradientSet.Gather(layout, [.. numbers.Split().Zip(directions, apply)]);
    }
}
