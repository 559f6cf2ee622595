namespace Afterimage.Federation;

/// <summary>
/// The way of an update of which some parameter tensors were not sent at all: frozen layers, or all but the head. Zeros stand in their
/// places, and nothing is known of them.
/// </summary>
public sealed class PartialUpdate : Channel
{
    private readonly Channel inner;
    private readonly HashSet<string> unsent;
    private readonly TensorLayout layout;

    private PartialUpdate(Channel inner, TensorLayout layout, HashSet<string> unsent) =>
        (this.inner, this.layout, this.unsent) = (inner, layout, unsent);

    /// <summary>A channel on which these parameters do not arrive either.</summary>
    /// <param name="inner">What happens to those that do.</param>
    /// <param name="layout">The model's parameters.</param>
    /// <param name="unsent">Names of those that were not sent; the channel itself where there are none.</param>
    public static Channel Of(Channel inner, TensorLayout layout, IEnumerable<string> unsent) =>
        unsent.ToHashSet() is { Count: > 0 } names ? new PartialUpdate(inner, layout, names) : inner;

    /// <inheritdoc/>
    public override ChannelEffects Effects => inner.Effects | ChannelEffects.Missing;

    /// <inheritdoc/>
    public override string Description
    {
        get
        {
            const int Shown = 6;
            var sent = layout.Entries.Where(entry => !unsent.Contains(entry.Name)).Select(entry => entry.Name).ToList();
            var names = string.Join(", ", sent.Take(Shown)) + (sent.Count > Shown ? ", ..." : "");
            return $"of which {sent.Count} of {layout.Entries.Count} parameter tensors were used, the others not being sent ({names}), " +
                inner.Description;
        }
    }

    /// <inheritdoc/>
    public override Channel Undefended => inner == None ? this : new PartialUpdate(None, layout, unsent);

    /// <inheritdoc/>
    public override ChannelMap? At(GradientSet update) => inner.At(update);

    /// <inheritdoc/>
    public override Tensor Mask(GradientSet sent)
    {
        var mask = inner.Mask(sent)?.clone() ?? ones_like(sent.Flat);
        foreach (var entry in sent.Layout.Entries)
            if (unsent.Contains(entry.Name))
                mask.narrow(0, entry.Offset, entry.Count).zero_();
        return mask;
    }

    /// <inheritdoc/>
    public override double Deviation(GradientSet sent, int tensor) => IsUnsent(sent, tensor) ? 0 : inner.Deviation(sent, tensor);

    /// <inheritdoc/>
    public override double Withheld(GradientSet sent, int tensor) => IsUnsent(sent, tensor) ? 0 : inner.Withheld(sent, tensor);

    /// <inheritdoc/>
    public override bool Lacks(GradientSet sent, int tensor) => IsUnsent(sent, tensor) || inner.Lacks(sent, tensor);

    /// <inheritdoc/>
    public override double Floor(GradientSet sent) => inner.Floor(sent);

    /// <inheritdoc/>
    public override GradientSet Read(GradientSet sent) => inner.Read(sent);

    internal override double Misfit(GradientSet predicted, GradientSet sent, Tensor? mask) => inner.Misfit(predicted, sent, mask);

    private bool IsUnsent(GradientSet sent, int tensor) => unsent.Contains(sent.Layout.Entries[tensor].Name);
}
