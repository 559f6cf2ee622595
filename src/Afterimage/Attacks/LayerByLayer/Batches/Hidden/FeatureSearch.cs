using Afterimage.Federation;
using Afterimage.Images;
using Afterimage.LabelRecovery;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// The images of a batch from the features of each behind the convolutions: every image by itself first, several at once where there are
/// threads for them; then those that are left, together, for what the others leave of the convolutions' weight gradients is theirs.
/// </summary>
internal sealed class FeatureSearch
{
    private const int Batch = 50;

    /// <summary>Batches that teach the first guess where features are abundant.</summary>
    private const int Few = 2;

    /// <summary>Steps over which the places of maxima are decided.</summary>
    private const int Annealing = 150;

    /// <summary>Steps with weight gradients, which lead out of where features alone end.</summary>
    private const int Crossing = 12;

    /// <summary>How those that are left are tried, round after round: so much nearer to gray, or all together (null).</summary>
    private static readonly double?[] Rounds = [0, 0.4, null, null, 0.8, null, 1, null];

    /// <summary>What an image that was found may leave of its features, relative to how much they vary.</summary>
    private const double Exact = 1e-4;

    private readonly AttackRun run;
    private readonly RectifiedChain chain;
    private readonly BatchSeparation settings;
    private readonly ProceduralFeatures procedural;
    private readonly Photographs photographs;
    private readonly Tensor features;
    private readonly Tensor gradients;

    /// <param name="run">Tells how far it is.</param>
    /// <param name="chain">With the weight gradients of the whole batch.</param>
    /// <param name="settings">How long to search.</param>
    /// <param name="features">Behind the last piece, [N,C,h,w].</param>
    /// <param name="gradients">dL/d of them.</param>
    public FeatureSearch(AttackRun run, RectifiedChain chain, BatchSeparation settings, Tensor features, Tensor gradients)
    {
        (this.run, this.chain, this.settings, this.features, this.gradients) = (run, chain, settings, features, gradients);
        procedural = new(chain, DummyHead.Draw(run.Context, settings.Images).to(ScalarType.Float32).cpu(), Batch);
        photographs = new(run.Context.Model.Input);
        Residuals = [.. Enumerable.Repeat(1.0, (int)features.shape[0])];
    }

    /// <summary>What every image leaves of its features, relative to how much they vary.</summary>
    public double[] Residuals { get; }

    public int Steps { get; private set; }

    public int Evaluations { get; private set; }

    private ImageShape Input => run.Context.Model.Input;

    private bool Plenty => features[0].numel() >= KnownFeatures.Plenty * Input.Count;

    /// <param name="labels">One for every image.</param>
    /// <returns>[N,C,H,W]; those that were not reached in time are their first guesses.</returns>
    public Tensor Run(Labels labels)
    {
        var images = Guesses();
        int[] left = [.. Enumerable.Range(0, Residuals.Length)];
        foreach (var nearer in Rounds)
        {
            if (left.Length == 0 || run.Stop.IsCancellationRequested)
                break;
            if (nearer is not { } gray || !Plenty)
                Together(images, labels, left);
            else if (gray > 0)
                foreach (var n in left)
                    images.narrow(0, n, 1).mul_(1 - gray).add_(gray / 2);
            if (Plenty)
                Alone(images, left);
            else
                break;
            left = [.. left.Where(n => !(Residuals[n] < Exact))];
        }
        return images;
    }

    /// <summary>Every image by itself, without weight gradients, which are those of the whole batch.</summary>
    private void Alone(Tensor images, int[] left)
    {
        var done = 0;
        foreach (var found in ParallelRestarts.Run(left.Length, run.Context.Workers,
            (i, stop) => Alone(left[i], images[left[i]..(left[i] + 1)].clone(), stop), run.Stop))
            using (found)
            {
                var n = left[done++];
                images.narrow(0, n, 1).copy_(found.Image);
                Residuals[n] = found.Residual;
                (Steps, Evaluations) = (Steps + found.Steps, Evaluations + found.Evaluations);
                run.Context.Say("searches for every image by its features", done, left.Length, "images");
                run.See(new(0, Steps, Residuals.Max(), Evaluations, () => Shown(images)));
            }
    }

    private Found Alone(int n, Tensor start, CancellationToken stop)
    {
        using var scope = Tidy.Scope();
        using var trunk = Trunk(procedural.Pieces);
        using var last = Last(procedural.Pieces, [n], true);
        var (steps, descent) = (0, new FeatureDescent(trunk, last, photographs));
        var image = descent.Run(start, settings.Steps, settings.Products, (step, _, _) => steps = step + 1, stop);
        return new(image.DetachFromDisposeScope(), descent.Residual, steps, descent.Evaluations);
    }

    /// <summary>Those that are left, by their features and what the others leave of the weight gradients.</summary>
    private void Together(Tensor images, Labels labels, int[] left)
    {
        using var scope = Tidy.Scope();
        var pieces = Without(images, labels, left);
        var places = tensor(left).to(ScalarType.Int64);
        var (before, start) = (Steps, images.index_select(0, places));
        using var trunk = Trunk(pieces);
        Tensor found;
        if (!Plenty && pieces[^1] is RectifiedBlock { Pool: not null } block)
        {
            var (known, arriving) = (features.index_select(0, places), gradients.index_select(0, places));
            var descent = new PoolingDescent(trunk, block, known, arriving, photographs);
            found = descent.Run(start, Math.Min(settings.Steps, Annealing), settings.Products, See, run.Stop);
            Evaluations += descent.Evaluations;
        }
        else
        {
            using var last = Last(pieces, left, false);
            var descent = new FeatureDescent(trunk, last, photographs);
            found = descent.Run(start, Plenty ? Math.Min(settings.Steps, Crossing) : settings.Steps, settings.Products, See, run.Stop);
            Evaluations += descent.Evaluations;
        }
        images.index_copy_(0, places, found.isfinite().all().ToBoolean() ? found : start);
        foreach (var n in left)
            Residuals[n] = Residual(n, images[n..(n + 1)]);

        void See(int step, double residual, Func<Tensor> image)
        {
            Steps = before + step + 1;
            run.Context.Say($"searches for {left.Length} images together, residual {residual:G2}", step + 1, settings.Steps, "steps");
            run.See(new(0, Steps, residual, Evaluations + step, () => Shown(images.clone().index_copy_(0, places, image()))));
        }
    }

    private double Residual(int n, Tensor image)
    {
        using var scope = Tidy.Scope();
        using var trunk = Trunk(procedural.Pieces);
        using var last = Last(procedural.Pieces, [n], true);
        var level = (last.Known - last.Known.mean([0, 2, 3], keepdim: true)).square().mean().sqrt();
        return (last.Left(trunk.At(image.to(ScalarType.Float32), 0)).square().mean().sqrt() / level).ToDouble();
    }

    /// <summary>The pieces with the weight gradients that the other images leave, in the precision of the search.</summary>
    private IReadOnlyList<RectifiedPiece> Without(Tensor images, Labels labels, int[] left)
    {
        int[] others = [.. Enumerable.Range(0, Residuals.Length).Except(left)];
        if (others.Length == 0)
            return procedural.Pieces;
        var model = chain.Model;
        var found = images.index_select(0, tensor(others).to(ScalarType.Int64)).clamp(0, 1).to(model.Type);
        var classes = new Labels([.. others.Select(n => labels.Classes[n])], []);
        var own = new FedSgd { Mode = run.Context.Observation.Training.Mode }
            .Linearize(model, new(found, classes.Targets(model.Classes, model.Type, CPU))).Value;
        var share = (double)others.Length / run.Context.Observation.BatchSize;
        return [.. procedural.Pieces.Select(piece => piece is RectifiedBlock block
            ? block with { WeightGradient = block.WeightGradient
                - share * own[own.Layout.IndexOf(block.Conv.Name + ".weight")].to(ScalarType.Float64) } : piece)];
    }

    private FeatureMap Trunk(IReadOnlyList<RectifiedPiece> pieces) => new(chain, pieces.Take(pieces.Count - 1));

    /// <summary>The last piece as some images see it.</summary>
    private LastBlock Last(IReadOnlyList<RectifiedPiece> pieces, int[] images, bool alone)
    {
        var places = tensor(images).to(ScalarType.Int64);
        return new((RectifiedBlock)pieces[^1], features.index_select(0, places).to(ScalarType.Float32), null,
            gradients.index_select(0, places), alone);
    }

    private Tensor Guesses() => Tidy.Keep(() =>
    {
        long[] shape = [Input.Channels, Input.Height, Input.Width];
        using var last = Last(procedural.Pieces, [0], true);
        var few = features[0].numel() >= KnownFeatures.Abundant * Input.Count ? Few : int.MaxValue;
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
