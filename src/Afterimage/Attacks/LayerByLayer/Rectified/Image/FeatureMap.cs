namespace Afterimage.Attacks;

/// <summary>
/// What a few pieces make of an image, as a function that is linear between kinks. Products belong to the point of the last
/// <see cref="At"/>.
/// </summary>
internal sealed class FeatureMap(RectifiedChain chain, IEnumerable<RectifiedPiece> pieces) : IDisposable
{
    private readonly Passing[] passings = [.. pieces.Select(piece => piece.Follow())];

    /// <param name="images">[1,C,H,W] in [0,1], in the precision of the pieces.</param>
    /// <param name="softness">Softness of the gates in products, see <see cref="Passing"/>.</param>
    public Tensor At(Tensor images, double softness) =>
        Tidy.Keep(() => passings.Aggregate(chain.Model.Normalize(images), (x, passing) => passing.At(x, softness)));

    /// <summary>The change along a change of the images.</summary>
    public Tensor Push(Tensor change) => Tidy.Keep(() =>
        passings.Aggregate(chain.Model.NormalizeChange(change), (x, passing) => passing.Push(x)));

    /// <summary>Transposed <see cref="Push"/>.</summary>
    public Tensor Pull(Tensor features) => Tidy.Keep(() =>
        chain.Model.NormalizeChange(passings.Reverse().Aggregate(features, (y, passing) => passing.Pull(y))));

    public void Dispose()
    {
        foreach (var passing in passings)
            passing.Dispose();
    }
}
