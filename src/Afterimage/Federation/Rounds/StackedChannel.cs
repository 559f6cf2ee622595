namespace Afterimage.Federation;

/// <summary>The channel of a stacked update: every round went through the same one by itself.</summary>
/// <param name="round">The channel of one round.</param>
/// <param name="layout">That of one round.</param>
/// <param name="count">How many rounds.</param>
public sealed class StackedChannel(Channel round, TensorLayout layout, int count) : Channel
{
    /// <summary>The channel of one round.</summary>
    public Channel Round { get; } = round;

    /// <summary>The channel of several rounds; the clear one stays clear.</summary>
    public static Channel Of(Channel round, TensorLayout layout, int count) =>
        round == None || count == 1 ? round : new StackedChannel(round, layout, count);

    /// <inheritdoc/>
    public override ChannelEffects Effects => Round.Effects;

    /// <inheritdoc/>
    public override string Description => $"each round {Round.Description}";

    /// <inheritdoc/>
    public override Tensor? Mask(GradientSet sent)
    {
        var masks = Slices(sent).Select(Round.Mask).ToArray();
        return masks.All(mask => mask is null) ? null
            : cat([.. masks.Zip(Slices(sent), (mask, slice) => mask ?? ones_like(slice.Flat))]);
    }

    /// <inheritdoc/>
    public override double Deviation(GradientSet sent, int tensor) => Round.Deviation(Slice(sent, tensor), Place(tensor));

    /// <inheritdoc/>
    public override double Withheld(GradientSet sent, int tensor) => Round.Withheld(Slice(sent, tensor), Place(tensor));

    /// <inheritdoc/>
    public override bool Lacks(GradientSet sent, int tensor) => Round.Lacks(Slice(sent, tensor), Place(tensor));

    /// <inheritdoc/>
    public override double Floor(GradientSet sent)
    {
        var (left, all) = (0.0, 0.0);
        foreach (var slice in Slices(sent))
        {
            var size = Math.Pow(slice.Norm(), 2);
            (left, all) = (left + Math.Pow(Round.Floor(slice), 2) * size, all + size);
        }
        return all > 0 ? Math.Min(1, Math.Sqrt(left / all)) : 0;
    }

    private IEnumerable<GradientSet> Slices(GradientSet sent) =>
        Enumerable.Range(0, count).Select(place => LaterRounds.Slice(sent, layout, place));

    private GradientSet Slice(GradientSet sent, int tensor) => LaterRounds.Slice(sent, layout, tensor / layout.Entries.Count);

    private int Place(int tensor) => tensor % layout.Entries.Count;
}
