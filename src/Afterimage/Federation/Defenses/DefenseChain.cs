using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>Several defenses in the order in which a client applies them.</summary>
public sealed record DefenseChain : Defense
{
    /// <summary>The first acts on what local training made.</summary>
    public ValueList<Defense> Steps { get; init; } = [];

    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null)
    {
        for (var i = 0; i < Steps.Count; i++)
            update = Steps[i].Protect(update, random.Derive("defense", i), round);
        return update;
    }

    /// <inheritdoc/>
    public override Channel Known(VictimModel? model = null) => Joined([.. Steps.Select(step => step.Known(model))]);

    /// <summary>The way through several channels, in order.</summary>
    public static Channel Joined(params Channel[] parts) => parts.Where(channel => channel != Channel.None).ToArray() switch
    {
        [] => Channel.None,
        [var only] => only,
        var several => new Chained(several),
    };

    private sealed class Chained(Channel[] parts) : Channel
    {
        public override ChannelEffects Effects => parts.Aggregate(ChannelEffects.None, (all, part) => all | part.Effects);

        public override string Description => string.Join(", then ", parts.Select(part => part.Description));

        // Noise that follows fills the zeros of numbers that were left out, so that nobody sees which they are.
        public override Tensor? Mask(GradientSet sent) => parts.AsEnumerable().Reverse()
            .TakeWhile(part => (part.Effects & ChannelEffects.Noise) == 0)
            .FirstOrDefault(part => (part.Effects & ChannelEffects.Missing) != 0)?.Mask(sent);

        public override double Deviation(GradientSet sent, int tensor) => Norm(part => part.Deviation(sent, tensor));

        public override double Withheld(GradientSet sent, int tensor) => Norm(part => part.Withheld(sent, tensor));

        public override double Floor(GradientSet sent) =>
            Math.Min(1, Norm(part => part == parts[^1] ? part.Floor(sent) : part.FloorInside(sent)));

        public override GradientSet Read(GradientSet sent) => parts[^1].Read(sent);

        public override bool Lacks(GradientSet sent, int tensor) => parts.Any(part => part.Lacks(sent, tensor));

        internal override double Misfit(GradientSet predicted, GradientSet sent, Tensor? mask) =>
            parts[^1].Misfit(predicted, sent, mask);

        public override ChannelMap? At(GradientSet update)
        {
            var maps = new List<ChannelMap>();
            foreach (var part in parts)
                if (part.At(update) is { } map)
                {
                    maps.Add(map);
                    update = map.Value;
                }
            return maps.Count == 0 ? null : new Composition(maps);
        }

        private double Norm(Func<Channel, double> value) => Math.Sqrt(parts.Sum(part => Math.Pow(value(part), 2)));
    }

    private sealed class Composition(List<ChannelMap> maps) : ChannelMap
    {
        public override GradientSet Value => maps[^1].Value;

        public override GradientSet Push(GradientSet change) => maps.Aggregate(change, (found, map) => map.Push(found));

        public override GradientSet Pull(GradientSet direction) =>
            maps.AsEnumerable().Reverse().Aggregate(direction, (found, map) => map.Pull(found));
    }
}
