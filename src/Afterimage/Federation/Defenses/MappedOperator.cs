namespace Afterimage.Federation;

/// <summary>An operator with the map of a channel behind it; it owns the operator.</summary>
internal sealed class MappedOperator : ForwardOperator
{
    private readonly ForwardOperator inner;
    private readonly Channel channel;

    [System.Diagnostics.CodeAnalysis.SetsRequiredMembers]
    public MappedOperator(ForwardOperator inner, Channel channel) => (this.inner, this.channel, Reason) = (inner, channel, inner.Reason);

    public override string Name => inner.Name;

    public override Linearization At(Batch batch) => channel.Behind(inner.At(batch));

    protected override void Dispose(bool disposing)
    {
        inner.Dispose();
        base.Dispose(disposing);
    }

    internal sealed class Point(Linearization inner, ChannelMap map) : Linearization
    {
        public override GradientSet Value => map.Value;

        public override Batch Pullback(GradientSet v) => inner.Pullback(map.Pull(v));

        public override GradientSet Pushforward(Tensor u) => map.Push(inner.Pushforward(u));
    }

    internal sealed class JointPoint(JointLinearization inner, ChannelMap map) : JointLinearization
    {
        public override GradientSet Value => map.Value;

        public override (Batch Batch, Tensor Values) Pullback(GradientSet v) => inner.Pullback(map.Pull(v));
    }
}
