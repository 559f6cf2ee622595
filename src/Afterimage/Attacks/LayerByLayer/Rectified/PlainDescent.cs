
namespace Afterimage.Attacks;

/// <summary>Where linear layers take in the features of the last convolution: they are known, and so is dL/d features.</summary>
internal sealed class PlainDescent : HeadDescent
{
    public PlainDescent(AttackRun run, RectifiedChain chain, HeadReading reading, ProceduralFeatures procedural)
        : base(run, chain, procedural)
    {
        long[] shape = [1, .. chain.Pieces[^1].Leaving];
        var (features, gradient, error) = chain.Tail.Read(reading);
        (Features, FeatureGradient) = (features.reshape(shape), gradient.reshape(shape));
        Error = error > 0 ? full_like(Features, error) : null;
    }

    public override bool IsSolved => true;

    public override void Run() => Descend();
}
