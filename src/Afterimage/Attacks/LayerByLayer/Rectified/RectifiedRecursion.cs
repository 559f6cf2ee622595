using Afterimage.Federation;
using Afterimage.Images;
using Afterimage.LabelRecovery;

namespace Afterimage.Attacks;

/// <summary>
/// Afterimage's own attack on one image through a network of convolutions, BatchNorm, ReLU and max pooling, in eval mode or in train mode
/// with known statistics of the batch, and through residual networks in eval mode. From the head down every layer's input is solved for exactly,
/// in the manner of R-GAP (Zhu and Blaschko, 2021), through max poolings and behind averages by blind factorizations, as long as the weight
/// gradients determine it; the image is then looked for by Gauss-Newton, as the most probable one with the features reached. No
/// private image is known: a linear guess, learned on procedural images, is the start.
/// </summary>
[Cites("zhu2021rgap", "baradad2021learning")]
public sealed record RectifiedRecursion : Attack
{
    private const int Batch = 50;

    /// <summary>Procedural images from which the first guesses are learned.</summary>
    public int Images { get; init; } = 400;

    /// <summary>Gauss-Newton steps at most.</summary>
    public int Steps { get; init; } = 150;

    /// <summary>Conjugate gradients in one step at most.</summary>
    public int Products { get; init; } = 30;

    public override Reconstruction Run(AttackContext context, Action<Iterate>? watch = null, CancellationToken cancellation = default)
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
        HeadDescent layers = chain.IsResidual ? new ResidualDescent(chain, reading, procedural, own.Random) : new PlainDescent(chain, reading, procedural);
        layers.Run(context.Observation.Floor, cancellation);
        var (depth, notes, labels) = (layers.Depth, layers.Notes, new Labels([reading.Label], [1]));
        if (cancellation.IsCancellationRequested)
            return Verdict.Canceled(context, notes.ToValueList());
        if (!layers.IsSolved)
            return Verdict.Refused(context, "No layer in front of the head could be solved, and the features behind it alone hardly tell the image: " +
                "use \"rectified-matching\" or \"deep-first\".", notes.ToValueList());
        if (depth == 0)
            return Verdict.Found(own, chain.Model.Denormalize(layers.Features!).clamp(0, 1), labels, chain.Pieces.Count, notes.ToValueList());

        using var trunk = new FeatureMap(chain, procedural.Pieces.Take(depth - 1));
        using var last = layers.Last(procedural.Pieces[depth - 1]);
        long[] shape = [context.Model.Input.Channels, context.Model.Input.Height, context.Model.Input.Width];
        var start = new CellDecoder(last.Known.shape[1..], shape, chain.Pieces.Take(depth), procedural.Examples(depth - 1, last)).Decode(last.Known, shape);
        var descent = new FeatureDescent(trunk, last, new Photographs(context.Model.Input));
        var steps = 0;
        var images = descent.Run(start, Steps, Products, See, cancellation);
        notes.Add(FormattableString.Invariant($"Image: its features leave {descent.Residual:G2} of how much they vary."));
        return Verdict.Found(own, images.clamp(0, 1), labels, steps, notes.ToValueList(),
            $"The features behind {depth} of {chain.Pieces.Count} layers are solved for exactly; the image is the most probable one found " +
            "with them, not a proven one: judge it by its residual in the notes.", cancellation.IsCancellationRequested, descent.Residual);

        void See(int step, double residual, Func<Tensor> image)
        {
            steps = step + 1;
            watch?.Invoke(new(0, step, residual, descent.Evaluations, image));
        }
    }
}
