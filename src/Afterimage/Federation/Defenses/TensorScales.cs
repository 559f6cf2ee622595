namespace Afterimage.Federation;

/// <summary>
/// The way of an update of which the size of each parameter tensor is unknown: integers of a quantizer whose scales did not arrive, or
/// signs alone. Tensors are compared after division by their mean absolute value; signs through a smooth step, tanh(2 a), that leaves small
/// numbers open.
/// </summary>
public sealed class TensorScales : Channel
{
    private const double Steepness = 2, SignDeviation = 0.6, Smallest = 1e-30;

    private readonly ValueList<double> deviations;

    private TensorScales(ValueList<double> deviations) => this.deviations = deviations;

    /// <summary>The way of signs, each 1 or -1.</summary>
    public static TensorScales Signs { get; } = new([]);

    /// <summary>The way of integers, as <see cref="Divided"/> leaves them.</summary>
    /// <param name="integers">As they were sent.</param>
    public static TensorScales Of(GradientSet integers)
    {
        using var scope = Tidy.Scope();
        return new(integers.Split().Select(part => 1 / (Math.Sqrt(12) * Size(part))).ToValueList());
    }

    /// <summary>Each tensor over its mean absolute value.</summary>
    public static GradientSet Divided(GradientSet update) =>
        GradientSet.Gather(update.Layout, [.. update.Split().Select(part => part / Size(part))]);

    /// <inheritdoc/>
    public override ChannelEffects Effects => ChannelEffects.Mapped | ChannelEffects.Rounding;

    /// <inheritdoc/>
    public override string Description => deviations.Count == 0 ? "of which only signs were sent" : "in integers of unknown scales";

    /// <inheritdoc/>
    public override double Deviation(GradientSet sent, int tensor) => deviations.Count == 0 ? SignDeviation : deviations[tensor];

    /// <inheritdoc/>
    public override double Floor(GradientSet sent) => deviations.Count == 0 ? 0 : FloorInside(sent);

    /// <summary>Signs are compared as signs: the share of them that disagree, which is zero for the true images.</summary>
    internal override double Misfit(GradientSet predicted, GradientSet sent, Tensor? mask)
    {
        if (deviations.Count > 0)
            return base.Misfit(predicted, sent, mask);
        using var scope = Tidy.Scope();
        var differ = predicted.Flat.sign().ne(sent.Flat.sign()).to(ScalarType.Float64);
        return mask is null ? differ.mean().ToDouble()
            : (differ * mask).sum().ToDouble() / Math.Max(1, mask.sum(ScalarType.Float64).ToDouble());
    }

    internal override double FloorInside(GradientSet sent) => Math.Min(1,
        Math.Sqrt(sent.Layout.Entries.Select((entry, i) => entry.Count * Math.Pow(Deviation(sent, i), 2)).Sum()) / sent.Norm());

    /// <inheritdoc/>
    public override ChannelMap At(GradientSet update) => new Map(update, deviations.Count == 0);

    private static double Size(Tensor part) => Math.Max(part.abs().mean().ToDouble(), Smallest);

    /// <summary>a / m with m the mean of |a|, tensor by tensor, and for signs tanh of a multiple of it.</summary>
    private sealed class Map : ChannelMap
    {
        private readonly TensorLayout layout;
        private readonly double[] sizes;
        private readonly Tensor[] divided, signs;
        private readonly Tensor[]? slopes;

        public Map(GradientSet update, bool isSign)
        {
            layout = update.Layout;
            var parts = update.Split();
            sizes = [.. parts.Select(Size)];
            divided = [.. parts.Select((part, i) => part / sizes[i])];
            signs = [.. parts.Select(part => part.sign())];
            if (!isSign)
            {
                Value = GradientSet.Gather(layout, divided);
                return;
            }
            var steps = divided.Select(part => (part * Steepness).tanh()).ToArray();
            slopes = [.. steps.Select(step => (1 - step * step) * Steepness)];
            Value = GradientSet.Gather(layout, steps);
        }

        public override GradientSet Value { get; }

        public override GradientSet Push(GradientSet change) => Each(change, (part, i) =>
        {
            var pushed = (part - divided[i] * (signs[i] * part).mean()) / sizes[i];
            return slopes is null ? pushed : pushed * slopes[i];
        });

        public override GradientSet Pull(GradientSet direction) => Each(direction, (part, i) =>
        {
            var pulled = slopes is null ? part : part * slopes[i];
            return (pulled - signs[i] * ((divided[i] * pulled).sum() / pulled.numel())) / sizes[i];
        });

        private GradientSet Each(GradientSet numbers, Func<Tensor, int, Tensor> apply) =>
            GradientSet.Gather(layout, [.. numbers.Split().Select(apply)]);
    }
}
