using Afterimage.Images;
using Afterimage.LabelRecovery;

namespace Afterimage.Attacks;

/// <summary>Every image by itself from its features behind the convolutions, several at once where there are threads for them.</summary>
internal sealed class FeatureSearch
{
    private const int Batch = 50;

    /// <summary>Batches that teach the first guess where features are abundant.</summary>
    private const int Few = 2;

    /// <summary>Steps over which the places of maxima are decided.</summary>
    private const int Annealing = 150;

    private readonly AttackRun run;
    private readonly RectifiedChain chain;
    private readonly BatchSeparation settings;
    private readonly ProceduralFeatures procedural;
    private readonly Photographs photographs;

    public FeatureSearch(AttackRun run, RectifiedChain chain, BatchSeparation settings)
    {
        (this.run, this.chain, this.settings) = (run, chain, settings);
        procedural = new(chain, DummyHead.Draw(run.Context, settings.Images).to(ScalarType.Float32).cpu(), Batch);
        photographs = new(run.Context.Model.Input);
    }

    /// <summary>What every image leaves of its features, relative to how much they vary.</summary>
    public IReadOnlyList<double> Residuals { get; private set; } = [];

    public int Steps { get; private set; }

    public int Evaluations { get; private set; }

    /// <param name="features">Behind the last piece, [N,C,h,w].</param>
    /// <param name="gradients">dL/d of them.</param>
    /// <returns>[N,C,H,W]; those that were not reached in time are their first guesses.</returns>
    public Tensor Run(Tensor features, Tensor gradients)
    {
        var input = run.Context.Model.Input;
        long[] shape = [input.Channels, input.Height, input.Width];
        var images = Guesses(features, gradients, shape);
        var residuals = Enumerable.Repeat(1.0, (int)features.shape[0]).ToArray();
        var done = 0;
        foreach (var found in ParallelRestarts.Run(residuals.Length, run.Context.Workers,
            (n, stop) => Search(features[n..(n + 1)], gradients[n..(n + 1)], images[n..(n + 1)].clone(), stop), run.Stop))
            using (found)
            {
                images.narrow(0, done, 1).copy_(found.Image);
                residuals[done++] = found.Residual;
                (Steps, Evaluations) = (Steps + found.Steps, Evaluations + found.Evaluations);
                run.Context.Say("searches for every image by its features", done, residuals.Length, "images");
                run.See(new(0, done - 1, residuals.Take(done).Max(), Evaluations, () => Shown(images)));
            }
        Residuals = residuals;
        return images;
    }

    private Found Search(Tensor features, Tensor gradient, Tensor start, CancellationToken stop)
    {
        using var scope = Tidy.Scope();
        using var trunk = new FeatureMap(chain, procedural.Pieces.Take(chain.Pieces.Count - 1));
        var steps = 0;
        using var last = Last(features, gradient);
        var descent = new FeatureDescent(trunk, last, photographs);
        var image = descent.Run(start, settings.Steps, settings.Products, (step, _, _) => steps = step + 1, stop);
        return new(image.DetachFromDisposeScope(), descent.Residual, steps, descent.Evaluations);
    }

    /// <summary>The last piece as one image sees it, without its weight gradient, which is that of the whole batch.</summary>
    private LastBlock Last(Tensor features, Tensor gradient) =>
        new((RectifiedBlock)procedural.Pieces[^1], features.to(ScalarType.Float32), null, gradient, true);

    private Tensor Guesses(Tensor features, Tensor gradients, long[] shape) => Tidy.Keep(() =>
    {
        using var last = Last(features[..1], gradients[..1]);
        var few = last.Known.numel() >= KnownFeatures.Abundant * run.Context.Model.Input.Count ? Few : int.MaxValue;
        var examples = procedural.Examples(chain.Pieces.Count - 1, last).Take(few);
        return new CellDecoder(last.Known.shape[1..], shape, chain.Pieces, examples)
            .Decode(features.to(ScalarType.Float32), shape).to(ScalarType.Float64);
    });

    /// <summary>As many as the batch has.</summary>
    private Tensor Shown(Tensor images)
    {
        var missing = run.Context.Observation.BatchSize - images.shape[0];
        return cat([images.clamp(0, 1), full([missing, .. images.shape[1..]], 0.5, images.dtype)]);
    }

    private sealed record Found(Tensor Image, double Residual, int Steps, int Evaluations) : IDisposable
    {
        public void Dispose() => Image.Dispose();
    }
}
