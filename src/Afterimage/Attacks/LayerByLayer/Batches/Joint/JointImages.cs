using Afterimage.Federation;
using Afterimage.Images;
using Afterimage.LabelRecovery;

namespace Afterimage.Attacks;

/// <summary>
/// Every image of a batch by itself, from features that were solved for all of them; where they share statistics that nobody told, all
/// at once.
/// </summary>
internal sealed class JointImages(AttackContext context, RectifiedChain chain, JointDescent layers, CancellationToken stop)
{
    /// <summary>Procedural images that pass at once, and their places, whose features behind every layer take memory.</summary>
    private const int MostAtOnce = 50, MostPlaces = 250_000;

    /// <summary>What may be left of the features of one of many images, which is far below what can be seen.</summary>
    private const double Sufficient = 1e-5;

    /// <summary>What one in a local minimum leaves at least, and how much nearer to gray it begins again.</summary>
    private const double Stuck = 1e-2, Nearer = 0.4;

    /// <summary>Procedural images from which the first guesses are learned.</summary>
    public int Examples { get; init; } = 100;

    /// <summary>Gauss-Newton steps at most.</summary>
    public int Steps { get; init; } = 150;

    /// <summary>Conjugate gradients in one step at most.</summary>
    public int Products { get; init; } = 30;

    /// <summary>Seconds that are left for all images; null without a limit.</summary>
    public Func<double?> SecondsLeft { get; init; } = () => null;

    private readonly bool together = chain.Pieces[0] is RectifiedBlock { Group: not null };

    /// <summary>How the size of images was told where BatchNorm hides it; null where it does not.</summary>
    public HiddenContrast? Contrast { get; private set; }

    /// <summary>Takes the number of the step, the residual, and the images where they are asked for.</summary>
    public Action<int, double, Func<Tensor>> See { get; init; } = (_, _, _) => { };

    /// <summary>One after the other, with what each leaves of its features.</summary>
    public IEnumerable<(Tensor Image, double Residual, int Evaluations)> Search()
    {
        var depth = layers.Depth;
        var procedural = new ProceduralFeatures(chain, DummyHead.Draw(context, Examples).to(ScalarType.Float32).cpu(),
            (int)Math.Clamp(MostPlaces / (Shape[1] * Shape[2]), 1, MostAtOnce));
        var (pieces, last) = (procedural.Pieces.Take(depth - 1).ToList(), procedural.Pieces[depth - 1]);
        Tensor starts;
        using (var first = Last(last, 0))
            starts = new CellDecoder(first.Known.shape[1..], Shape, chain.Pieces.Take(depth), procedural.Examples(depth - 1, first))
                .Decode(cat([.. Enumerable.Range(0, Searches).Select(Known)]), Shape);
        Tensor Known(int n)
        {
            using var piece = Last(last, n);
            return piece.Known;
        }
        var center = together ? context.Model.Denormalize(zeros([1, .. Shape], ScalarType.Float64)) : null;
        Found Image(int n, CancellationToken stop)
        {
            using var scope = Tidy.Scope();
            // What one image leaves of its share of the time is shared by those that follow.
            using var share = CancellationTokenSource.CreateLinkedTokenSource(stop);
            if (SecondsLeft() is { } left)
                share.CancelAfter(TimeSpan.FromSeconds(Math.Max(0, left) * Math.Min(context.Workers, Searches - n) / (Searches - n)));
            using var trunk = new FeatureMap(chain, pieces);
            using var known = Last(last, n);
            var (images, residual, evaluations) = (together ? starts : starts.narrow(0, n, 1), double.PositiveInfinity, 0);
            // A local minimum is left by beginning again nearer to gray; all images at once take too long for that.
            foreach (var gray in together ? [0.0] : (double[])[0, Nearer])
            {
                var descent = new FeatureDescent(trunk, known, new Photographs(context.Model.Input))
                {
                    Sufficient = Sufficient,
                    Center = center,
                };
                var found = descent.Run(images * (1 - gray) + gray / 2, Steps, Products, See, share.Token);
                evaluations += descent.Evaluations;
                if (descent.Residual < residual)
                    (images, residual) = (found, descent.Residual);
                if (residual < Stuck || share.IsCancellationRequested)
                    break;
            }
            return new(images.DetachFromDisposeScope(), residual, evaluations);
        }
        var done = 0;
        foreach (var found in ParallelRestarts.Run(Searches, context.Workers, Image, stop))
            using (found)
            {
                done += (int)found.Images.shape[0];
                var images = found.Images;
                if (center is not null)
                {
                    Contrast = HiddenContrast.Of(images, center);
                    images = center + (images - center) * Contrast.Factor;
                }
                for (var i = 0; i < images.shape[0]; i++)
                    yield return (images.narrow(0, i, 1).clone(), found.Residual, i == 0 ? found.Evaluations : 0);
            }
        // Those that time did not reach.
        for (; done < starts.shape[0]; done++)
            yield return (starts.narrow(0, done, 1), 1, 0);
    }

    private long[] Shape => [context.Model.Input.Channels, context.Model.Input.Height, context.Model.Input.Width];

    private int Searches => together ? 1 : (int)layers.Features!.shape[0];

    /// <summary>What is known of the last piece for one image.</summary>
    private LastPiece Last(RectifiedPiece piece, int n)
    {
        Tensor Own(Tensor all) => together ? all : all.narrow(0, n, 1);
        var features = Own(layers.Features!);
        return piece is not ResidualUnit unit
            ? new LastBlock((RectifiedBlock)piece, features.to(ScalarType.Float32), null, zeros_like(features), true)
            : layers.Inside is { } inside && LastUnit.Fits(unit.Form)
                ? new LastUnit(unit, new(Own(inside.Middle), Own(inside.MiddleGradient)), features, true)
                : new KnownUnitOutput(unit, features);
    }

    private sealed record Found(Tensor Images, double Residual, int Evaluations) : IDisposable
    {
        public void Dispose() => Images.Dispose();
    }
}
