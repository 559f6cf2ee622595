using Afterimage.Images;

namespace Afterimage.Attacks;

/// <summary>
/// What leaves the stem of a residual network, where equations end in a unit behind it but tell more than the stem gives. Units without
/// poolings lie between, so that Gauss-Newton finds it from the mean of procedural images; the image behind the stem's pooling is
/// looked for afterwards.
/// </summary>
/// <param name="chain">In double precision.</param>
/// <param name="procedural">What procedural images give.</param>
internal sealed class StemSearch(RectifiedChain chain, ProceduralFeatures procedural)
{
    /// <summary>Conjugate gradients in one step at most, before steps become slow.</summary>
    private const int Products = 60;
    private const int Steps = 100;

    /// <summary>Below so many times what is left of the features a number is taken for zero.</summary>
    private const double Zero = 10;

    private readonly long[] shape = chain.Pieces[0].Leaving;

    /// <summary>What is left of the known features, relative.</summary>
    public double Residual { get; private set; } = 1;

    /// <summary>Whether a stem with pooling lies in front of residual units and gives less than is known behind them.</summary>
    public static bool Applies(RectifiedChain chain, int depth, LastPiece last) => depth > 1
        && chain.Pieces[0] is RectifiedBlock { Pool: not null, Batch: null, Group: null } stem
        && last.Known.numel() >= KnownFeatures.Plenty * stem.Leaving.Aggregate(1L, (product, size) => product * size);

    /// <summary>What leaves the stem, [1,*Leaving], in double precision.</summary>
    /// <param name="depth">Pieces up to the one whose features are known.</param>
    /// <param name="last">That piece, in the precision of the search.</param>
    /// <param name="stop">Stops after the current step.</param>
    public Tensor Run(int depth, LastPiece last, CancellationToken stop) => Tidy.Keep(() =>
    {
        using var trunk = new FeatureMap(chain, procedural.Pieces.Take(1..(depth - 1)), false);
        var descent = new FeatureDescent(trunk, last, new PublicSpectrum(new((int)shape[0], (int)shape[1], (int)shape[2]), Examples()))
        {
            IsPositive = true,
        };
        var found = descent.Run(Examples().mean([0], keepdim: true), Steps, Products, (_, _, _) => { }, stop);
        Residual = descent.Residual;
        // A window that is off must not be taken for one that is on a little.
        return found * (found > Zero * Residual * found.square().mean().sqrt());
    });

    /// <summary>dL/d of what leaves the stem.</summary>
    /// <param name="found">What leaves it.</param>
    /// <param name="depth">Pieces up to the one in front of the gradient.</param>
    /// <param name="gradient">dL/d of what enters the last piece.</param>
    public Tensor Gradient(Tensor found, int depth, Tensor gradient) => Tidy.Keep(() =>
    {
        using var trunk = new FeatureMap(chain, chain.Pieces.Take(1..(depth - 1)), false);
        trunk.At(found, 0);
        return trunk.Pull(gradient, []);
    });

    private Tensor Examples() => procedural.Leaving(0).to(ScalarType.Float64);
}
