using Afterimage.Federation;
using Afterimage.Images;
using Afterimage.LabelRecovery;

namespace Afterimage.Attacks;

/// <summary>
/// Afterimage's own attack on one image through a network of convolutions, BatchNorm, ReLU, max pooling and hidden linear layers, in
/// eval mode or in train mode with known statistics of the batch, and through residual networks in eval mode. From the head down every
/// layer's input is solved for exactly, in the manner of R-GAP (Zhu and Blaschko, 2021), through max poolings and behind averages by
/// blind factorizations, as long as the weight gradients determine it; the image is then looked for by Gauss-Newton, as the most
/// probable one with the features reached. No private image is known: a linear guess, learned on procedural images, is the start.
/// </summary>
[Cites("zhu2021rgap", "baradad2021learning")]
public sealed record RectifiedRecursion : Attack
{
    private const int Batch = 50;

    /// <summary>Batches that teach the first guess where features are abundant.</summary>
    private const int Few = 2;

    /// <summary>Steps over which the places of maxima are decided.</summary>
    private const int Annealing = 150;

    /// <summary>The same where the doubt about them is weighed.</summary>
    private const int Weighing = 60;

    /// <summary>Steps in double precision that find the contrast of an image behind GroupNorm, and conjugate gradients of each.</summary>
    private const int Contrast = 12, ContrastProducts = 120;

    /// <summary>What a search in single precision leaves of the features where one in double precision follows.</summary>
    private const double NearContrast = 1e-3;

    /// <summary>
    /// How much nearer to gray the search begins again from an image that abundant features do not fit, and whether weight gradients
    /// join them.
    /// </summary>
    private static readonly (double Gray, bool WithGradient)[] Attempts = [(0, false), (0.4, false), (0, true), (0.4, true)];

    /// <summary>What an image that was found may leave of its features, and what one in a local minimum leaves at least.</summary>
    private const double Found = 1e-4, Stuck = 1e-2;

    /// <summary>Procedural images from which the first guesses are learned.</summary>
    [Range(4, 100_000)]
    public int Images { get; init; } = 400;

    /// <summary>Gauss-Newton steps at most.</summary>
    [Range(0, 1_000_000)]
    public int Steps { get; init; } = 150;

    /// <summary>Conjugate gradients in one step at most.</summary>
    [Range(1, 1_000_000)]
    public int Products { get; init; } = 30;

    /// <inheritdoc/>
    public override string Equation => "W x = z and K x = dL/dW for every layer from the head down, x known where its ReLU is on;\n" +
        "then min over x: |h(x) - h|^2 / e^2 + |K h(x) - dL/dW|^2 / f^2 + |z|^2, h the first features solved for";

    /// <inheritdoc/>
    public override int Budget => Steps;

    /// <inheritdoc/>
    public override Attack? WithIterations(int iterations) => this with { Steps = iterations };

    /// <inheritdoc/>
    public override string? Refusal(AttackContext context) => RectifiedChain.Obstacle(context);

    /// <inheritdoc/>
    protected override bool InDouble => true;

    /// <inheritdoc/>
    protected override SearchResult Search(AttackRun run)
    {
        var context = run.Context;
        var chain = RectifiedChain.Of(context);
        if (HeadReading.Of(chain.Tail.Head) is not [var reading, ..])
            throw new AfterimageException("The gradient of the head is zero: the client's model is certain of the image's class already.");
        var labels = new Labels([reading.Label], [1]);
        run.Know(labels);
        var procedural = new ProceduralFeatures(chain, DummyHead.Draw(context, Images).to(ScalarType.Float32).cpu(), Batch);
        HeadDescent layers = chain.IsResidual
            ? new ResidualDescent(run, chain, reading, procedural) : new PlainDescent(run, chain, reading, procedural);
        layers.Run();
        run.Stop.ThrowIfCancellationRequested();
        var depth = layers.Depth;
        if (!layers.IsSolved)
            throw new AfterimageException("No layer in front of the head could be solved, and the features behind it alone hardly tell " +
                "the image: use \"rectified-matching\" or \"deep-first\".");
        if (depth == 0)
            return new()
            {
                Images = chain.Model.Denormalize(layers.Features!).clamp(0, 1),
                Labels = labels,
                Iterations = chain.Pieces.Count,
                Evaluations = 1,
            };

        using var trunk = new FeatureMap(chain, procedural.Pieces.Take(depth - 1));
        using var last = layers.Last(procedural.Pieces[depth - 1]);
        long[] shape = [context.Model.Input.Channels, context.Model.Input.Height, context.Model.Input.Width];
        var few = last.Known.numel() >= KnownFeatures.Abundant * context.Model.Input.Count ? Few : int.MaxValue;
        var examples = procedural.Examples(depth - 1, last).Take(few);
        var start = new CellDecoder(last.Known.shape[1..], shape, chain.Pieces.Take(depth), examples).Decode(last.Known, shape);
        var photographs = new Photographs(context.Model.Input);
        // GroupNorm hides the contrast of the image but for what is added to its variances, which single precision does not see.
        var hidden = chain.Pieces[0] is RectifiedBlock { Group: not null, Bias: null };
        var (steps, evaluations, residual) = (0, 0, 1.0);
        Tensor images;
        var pieces = layers.WeighsDoubt ? chain.Pieces : procedural.Pieces;
        using var map = new FeatureMap(chain, pieces.Take(depth - 1));
        using var pooled = last.Known.numel() < KnownFeatures.Plenty * context.Model.Input.Count
            ? layers.Pooled(map, pieces[depth - 1], photographs) : null;
        if (pooled is not null)
        {
            images = pooled.Run(start, Math.Min(Steps, layers.WeighsDoubt ? Weighing : Annealing), Products, See, run.Stop);
            (evaluations, residual) = (pooled.Evaluations, pooled.Residual);
        }
        else
        {
            images = start;
            using var whole = layers.Last(procedural.Pieces[depth - 1], withGradient: true);
            // With its gradient a layer seldom misleads, and what it leaves then is large.
            var enough = last.HasGradient ? Stuck : (chain.Pieces[0] as RectifiedBlock)?.Exact(Found);
            foreach (var (gray, all) in last.HasGradient ? Attempts[..2] : Attempts)
            {
                var descent = new FeatureDescent(trunk, all ? whole : last, photographs) { Sufficient = hidden ? NearContrast : 0 };
                var found = descent.Run(gray == 0 ? start : images * (1 - gray) + gray / 2, Steps, Products, See, run.Stop);
                evaluations += descent.Evaluations;
                if (descent.Residual < residual)
                    (images, residual) = (found, descent.Residual);
                if (residual < enough || run.Stop.IsCancellationRequested)
                    break;
            }
        }
        if (hidden && !run.Stop.IsCancellationRequested)
        {
            using var precise = new FeatureMap(chain, chain.Pieces.Take(depth - 1));
            using var exact = layers.Last(chain.Pieces[depth - 1]);
            var descent = new FeatureDescent(precise, exact, photographs);
            images = descent.Run(images, Math.Min(Steps, Contrast), ContrastProducts, See, run.Stop);
            (evaluations, residual) = (evaluations + descent.Evaluations, descent.Residual);
        }
        run.Note(new FeaturesMatched(chain.Pieces.Count - depth, chain.Pieces.Count, residual));
        return new()
        {
            Images = images.clamp(0, 1),
            Labels = labels,
            Objective = residual,
            Doubt = $"The features behind {depth} of {chain.Pieces.Count} layers are solved for exactly; the image is the most probable " +
                "one found with them, not a proven one: judge it by its residual in the notes.",
            Iterations = steps,
            Evaluations = evaluations,
        };

        void See(int step, double left, Func<Tensor> image)
        {
            steps = step + 1;
            run.See(new(0, step, left, step + 1, image));
        }
    }
}
