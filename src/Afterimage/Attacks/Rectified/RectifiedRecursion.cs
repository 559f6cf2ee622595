using Afterimage.Attacks.ClosedForm;
using Afterimage.Federation;
using Afterimage.LabelRecovery;

namespace Afterimage.Attacks.Rectified;

/// <summary>
/// Afterimage's own attack on one image through a network of convolutions, BatchNorm, ReLU and max pooling, in eval mode or in train mode
/// with known statistics of the batch. From the head down every layer's input is solved for exactly, in the manner of R-GAP (Zhu and
/// Blaschko, 2021), through max poolings by a blind factorization, as long as the weight gradients determine it; the image is then looked
/// for by Gauss-Newton, as the most probable one with the features reached. No private image is known: a linear guess, learned on
/// procedural images, is the start.
/// </summary>
[Cites("zhu2021rgap", "baradad2021learning")]
public sealed record RectifiedRecursion : Attack
{
    /// <summary>A layer that leaves more than this of its weight gradient is not solved (with noise, twice what noise leaves).</summary>
    private const double Solved = 0.01;
    private const int Batch = 50;

    /// <summary>Procedural images from which the first guesses are learned.</summary>
    public int Images { get; init; } = 400;

    /// <summary>Gauss-Newton steps at most.</summary>
    public int Steps { get; init; } = 150;

    /// <summary>Conjugate gradients in one step at most.</summary>
    public int Products { get; init; } = 30;

    public override Reconstruction Run(AttackContext context, Action<Sighting>? watch = null, CancellationToken cancellation = default)
    {
        if (Images < 4 || Steps < 0 || Products < 1)
            throw new AfterimageException($"The recursion needs 4 procedural images, no negative number of steps and a product in each; " +
                $"it has {Images}, {Steps} and {Products}.");
        using var scope = Tidy.Scope();
        using var own = context.To(ScalarType.Float64);
        if (RectifiedChain.Of(own, out var obstacle) is not { } chain)
            return Verdict.Refused(context, obstacle);
        if (HeadReading.Of(chain.Head) is not [var reading, ..])
            return Verdict.Refused(context, "The gradient of the head is zero: the client's model is certain of the image's class already.");
        var procedural = new ProceduralFeatures(chain, DummyHead.Draw(own, Images).to(ScalarType.Float32).cpu(), Batch);
        var (depth, features, signal, notes) = Descend(chain, reading, procedural, Math.Max(Solved, 2 * context.Observation.Floor), cancellation);
        var labels = new Labels([reading.Label], [1]);
        if (cancellation.IsCancellationRequested)
            return Verdict.Canceled(context, notes.ToSeq());
        if (depth == chain.Blocks.Count)
            return Verdict.Refused(context, "No layer in front of the head could be solved, and the features behind it alone hardly tell the image: " +
                "use \"rectified-matching\" or \"deep-first\".", notes.ToSeq());
        if (depth == 0)
            return Verdict.Found(own, chain.Denormalize(features).clamp(0, 1), labels, chain.Blocks.Count, notes.ToSeq());

        var known = features.to(ScalarType.Float32);
        using var trunk = new FeatureMap(chain, [.. procedural.Blocks.Take(depth - 1)]);
        using var last = new LastBlock(procedural.Blocks[depth - 1], known, signal);
        long[] shape = [context.Model.Input.Channels, context.Model.Input.Height, context.Model.Input.Width];
        var start = new CellDecoder(chain.Blocks[depth - 1].Leaving, shape, chain.Blocks.Take(depth), procedural.Examples(depth)).Decode(known, shape);
        var descent = new FeatureDescent(trunk, last, ImageStatistics.OfPhotographs(context.Model.Input));
        var steps = 0;
        var images = descent.Run(start, Steps, Products, See, cancellation);
        notes.Add(FormattableString.Invariant($"Image: its features leave {descent.Residual:G2} of how much they vary."));
        return Verdict.Found(own, images.clamp(0, 1), labels, steps, notes.ToSeq(),
            $"The features behind layer {depth} are solved for exactly; the image is the most probable one found " +
            " with them, not a proven one: judge it by its residual in the notes.", cancellation.IsCancellationRequested);

        void See(int step, double residual, Func<Tensor> image)
        {
            steps = step + 1;
            watch?.Invoke(new(0, step, residual, descent.Evaluations, image));
        }
    }

    /// <summary>How far the equations lead: the features behind so many blocks.</summary>
    private static (int Depth, Tensor Features, Tensor Signal, List<string> Notes) Descend(RectifiedChain chain, HeadReading reading, ProceduralFeatures procedural,
        double solved, CancellationToken cancellation)
    {
        var notes = new List<string>();
        var depth = chain.Blocks.Count;
        long[] shape = [1, .. chain.Blocks[^1].Leaving];
        var features = (reading.Signal.matmul(chain.Head.WeightGradient!) / reading.Signal.square().sum()).reshape(shape);
        var signal = reading.Signal.matmul(chain.Head.Weight!).reshape(shape);
        for (; depth > 0 && !cancellation.IsCancellationRequested; depth--)
        {
            var block = chain.Blocks[depth - 1];
            if (!block.IsDetermined)
            {
                notes.Add($"{block.Conv.Name}: its weight gradient does not determine its input.");
                break;
            }
            var (mean, variance) = procedural.Inputs(depth - 1);
            var found = block.Pool is null ? new PlainLayer(block, features, signal).Solve(mean)
                : new PooledLayer(block, features, signal, mean, variance).Solve();
            notes.Add(FormattableString.Invariant($"{block.Conv.Name}: {block.Input[0] * block.Places} inputs{(block.Pool is null ? "" : " behind a pooling")}, residual {found.Residual:G2}."));
            if (!(found.Residual < solved))
                break;
            (features, signal) = (found.Input, block.Back(found.Signal));
        }
        return (depth, features, signal, notes);
    }
}
