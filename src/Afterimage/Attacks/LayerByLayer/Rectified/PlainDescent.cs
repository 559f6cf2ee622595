
namespace Afterimage.Attacks;

/// <summary>Where the head takes in the features of the last convolution: they are known, and so is dL/d features.</summary>
internal sealed class PlainDescent : HeadDescent
{
    public PlainDescent(AttackRun run, RectifiedChain chain, HeadReading reading, ProceduralFeatures procedural)
        : base(run, chain, procedural)
    {
        long[] shape = [1, .. chain.Pieces[^1].Leaving];
        Features = (reading.LogitGradient.matmul(chain.Head.WeightGradient!) / reading.LogitGradient.square().sum()).reshape(shape);
        FeatureGradient = reading.LogitGradient.matmul(chain.Head.Weight!).reshape(shape);
    }

    public override void Run(double noise) => Descend(noise);
}
