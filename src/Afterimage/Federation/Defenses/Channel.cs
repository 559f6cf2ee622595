namespace Afterimage.Federation;

/// <summary>
/// The way from A(x) to the update that the server sees, as far as an attacker knows it: a differentiable map behind the operator, which
/// numbers arrived, and what true images leave unexplained. It holds no tensors; whatever depends on the update is read from the update.
/// </summary>
public abstract class Channel
{
    /// <summary>The update arrives as local training made it.</summary>
    public static Channel None { get; } = new Clear();

    /// <summary>What happens to an update on the way.</summary>
    public abstract ChannelEffects Effects { get; }

    /// <summary>The end of a sentence on the update, for example "without defense".</summary>
    public abstract string Description { get; }

    /// <summary>
    /// The way as a blind attacker takes it, who sees which tensors were not sent and nothing else; itself where that is all.
    /// </summary>
    public virtual Channel Undefended => None;

    /// <summary>Whether numbers carry noise or rounding of the channel, so that no equation holds exactly.</summary>
    public bool IsNoisy => (Effects & (ChannelEffects.Noise | ChannelEffects.Rounding)) != 0;

    /// <summary>The differentiable map of the channel at A(x); null where it is the identity.</summary>
    public virtual ChannelMap? At(GradientSet update) => null;

    /// <summary>1 for each number of the flat update that arrived, 0 for each that did not; null where all arrived.</summary>
    public virtual Tensor? Mask(GradientSet sent) => null;

    /// <summary>Standard deviation of the noise on each number of one parameter tensor, in the units of the update.</summary>
    /// <param name="sent">What the server sees.</param>
    /// <param name="tensor">The place of the tensor in the layout.</param>
    public virtual double Deviation(GradientSet sent, int tensor) => 0;

    /// <summary>Root mean square of the numbers of one parameter tensor that did not arrive, as far as what arrived tells.</summary>
    public virtual double Withheld(GradientSet sent, int tensor) => 0;

    /// <summary>Whether nothing of one parameter tensor arrived, so that its zeros say nothing.</summary>
    public virtual bool Lacks(GradientSet sent, int tensor) => false;

    /// <summary>The relative misfit of the true images: what the channel alone leaves unexplained.</summary>
    public virtual double Floor(GradientSet sent) => 0;

    /// <summary>The floor over values where another step follows; it differs where the last step is compared in another way.</summary>
    internal virtual double FloorInside(GradientSet sent) => Floor(sent);

    /// <summary>
    /// What an attacker who knows the defense makes of what was sent before anything is compared with it; the same update where the numbers
    /// mean what they say.
    /// </summary>
    public virtual GradientSet Read(GradientSet sent) => sent;

    /// <summary><see cref="Deviation"/> over each tensor's root mean square; its root mean square over all numbers that arrived.</summary>
    public double RelativeDeviation(GradientSet sent)
    {
        if (!IsNoisy)
            return 0;
        using var scope = Tidy.Scope();
        var mask = Mask(sent);
        var (sum, count) = (0.0, 0.0);
        foreach (var (entry, i) in sent.Layout.Entries.Select((entry, i) => (entry, i)))
        {
            var arrived = mask is null ? entry.Count : mask.narrow(0, entry.Offset, entry.Count).sum().ToDouble();
            var square = arrived > 0 ? sent[i].to(ScalarType.Float64).square().sum().ToDouble() / arrived : 0;
            if (square > 0)
                (sum, count) = (sum + arrived * Math.Pow(Deviation(sent, i), 2) / square, count + arrived);
        }
        return count > 0 ? Math.Sqrt(sum / count) : 0;
    }

    /// <summary>|y' - y| / |y| over the numbers that arrived: the share of the update y that a predicted y' leaves unexplained.</summary>
    /// <param name="predicted">Behind the channel's map.</param>
    /// <param name="sent">What the server sees.</param>
    public double Misfit(GradientSet predicted, GradientSet sent)
    {
        using var scope = Tidy.Scope();
        return Misfit(predicted, sent, Mask(sent));
    }

    /// <summary>The misfit over the numbers of a mask, or over all; a channel that keeps no sizes counts instead.</summary>
    internal virtual double Misfit(GradientSet predicted, GradientSet sent, Tensor? mask) =>
        predicted.Distance(sent, mask) / Math.Max(sent.Norm(), 1e-30);

    /// <summary>The operator with the channel's map behind it; it takes over the operator.</summary>
    public ForwardOperator Behind(ForwardOperator forward) =>
        (Effects & (ChannelEffects.Mapped | ChannelEffects.Scaled)) == 0 ? forward : new MappedOperator(forward, this);

    /// <summary>One point of the operator with the map behind it.</summary>
    public Linearization Behind(Linearization point) => At(point.Value) is { } map ? new MappedOperator.Point(point, map) : point;

    /// <summary>One point of the operator with further unknowns, with the map behind it.</summary>
    public JointLinearization Behind(JointLinearization point) =>
        At(point.Value) is { } map ? new MappedOperator.JointPoint(point, map) : point;

    private sealed class Clear : Channel
    {
        public override ChannelEffects Effects => ChannelEffects.None;

        public override string Description => "without defense";
    }
}

/// <summary>What a channel does to an update, for attacks that must know what they can read.</summary>
[Flags]
public enum ChannelEffects
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Numbers carry random noise.</summary>
    Noise = 1,

    /// <summary>Numbers are rounded.</summary>
    Rounding = 2,

    /// <summary>Some numbers do not arrive; zeros stand in their places.</summary>
    Missing = 4,

    /// <summary>The update as a whole goes through a map that changes more than its scale, such as a cut of large numbers.</summary>
    Mapped = 8,

    /// <summary>The update as a whole is scaled by a factor that is not told: ratios of its numbers mean what they did.</summary>
    Scaled = 16,

    /// <summary>All of these.</summary>
    All = Noise | Rounding | Missing | Mapped | Scaled,
}

/// <summary>A channel's map at one update: its value, and products with its derivative.</summary>
public abstract class ChannelMap
{
    /// <summary>The update behind the map.</summary>
    public abstract GradientSet Value { get; }

    /// <summary>The derivative times a change of the update.</summary>
    public abstract GradientSet Push(GradientSet change);

    /// <summary>The transposed derivative times a direction behind the map.</summary>
    public abstract GradientSet Pull(GradientSet direction);
}
