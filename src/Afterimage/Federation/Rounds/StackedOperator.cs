using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>What a client sends in several rounds of training on one batch: the operators of the rounds, stacked; it owns them.</summary>
internal sealed class StackedOperator(IReadOnlyList<ForwardOperator> rounds, TensorLayout layout) : ForwardOperator
{
    private readonly TensorLayout stacked = LaterRounds.Stacked(layout, rounds.Count);

    public override string Name => rounds[0].Name;

    /// <summary>The operators of a context's rounds, each with the channel's map behind it.</summary>
    public static StackedOperator Of(AttackContext context, LaterRounds later)
    {
        var observation = context.Observation;
        var channel = observation.Channel is StackedChannel { Round: var one } ? one : observation.Channel;
        ForwardOperator Of(VictimModel model) =>
            channel.Behind(observation.Training.Operator(model, observation.BatchSize, context.OperatorChoice));
        ForwardOperator[] all = [Of(context.Model), .. later.Models.Select(Of)];
        return new(all, context.Model.Layout) { Reason = $"{all.Length} rounds of one batch, each of them: {all[0].Reason}" };
    }

    public override Linearization At(Batch batch) => new Point([.. rounds.Select(round => round.At(batch))], layout, stacked);

    protected override void Dispose(bool disposing)
    {
        foreach (var round in rounds)
            round.Dispose();
        base.Dispose(disposing);
    }

    private sealed class Point(Linearization[] rounds, TensorLayout layout, TensorLayout stacked) : Linearization
    {
        public override GradientSet Value { get; } = new(stacked, cat([.. rounds.Select(round => round.Value.Flat)]));

        public override Batch Pullback(GradientSet v)
        {
            var parts = rounds.Select((round, place) => round.Pullback(LaterRounds.Slice(v, layout, place))).ToArray();
            return parts.Skip(1).Aggregate(parts[0], (sum, part) => new(sum.Inputs + part.Inputs, sum.Targets + part.Targets));
        }

        public override GradientSet Pushforward(Tensor u) => new(stacked, cat([.. rounds.Select(round => round.Pushforward(u).Flat)]));
    }
}
