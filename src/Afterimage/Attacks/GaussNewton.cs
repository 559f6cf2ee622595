using Afterimage.Data;
using Afterimage.Federation;
using Afterimage.LabelRecovery;

namespace Afterimage.Attacks;

/// <summary>
/// The most probable images given the update, by Gauss-Newton steps in double precision. Minimizes |W (A(x) - y)|^2 / sigma^2 +
/// (x - m)' S^-1 (x - m) with the mean m and covariance S of public images, or of photographs as such (Ruderman, 1997), every tensor
/// weighted alike, and sigma falling from 1 to the precision of the update. For smooth networks (Nocedal and Wright, 2006, chapter 10).
/// Where the batch is smaller than the number of classes the features of every image are first read from the head's gradient, which
/// tells apart images of one label.
/// </summary>
[Cites("nocedal2006numerical", "ruderman1997origins")]
public sealed record GaussNewton : Attack
{
    private const int FeatureSamples = 64;

    public LabelRecovery.LabelRecovery Labels { get; init; } = new RefinedCounts();

    /// <summary>Images whose mean and covariance stand for the client's; null takes photographs as such, without data.</summary>
    public DataSource? Public { get; init; }

    /// <summary>How many of the public images are read.</summary>
    public int PublicCount { get; init; } = 2000;

    /// <summary>Whether features are first read from the head's gradient, where that is possible.</summary>
    public bool SplitHead { get; init; } = true;

    /// <summary>Starts tried at most, each a draw from the model of public images.</summary>
    public int Restarts { get; init; } = 4;

    /// <summary>Steps of one restart at most.</summary>
    public int Steps { get; init; } = 60;

    /// <summary>Size of the draw at the start, in deviations of public images around their mean.</summary>
    public double StartDeviation { get; init; } = 0.3;

    /// <summary>The last sigma: the precision of the update, relative to the root mean square of each of its tensors.</summary>
    public double Noise { get; init; } = 2e-7;

    /// <summary>
    /// Unknowns of the batch that are solved for directly; conjugate gradients do the rest. 0 where a product with the Jacobian is dear.
    /// </summary>
    public int Direct { get; init; } = 1536;

    /// <summary>
    /// A restart whose weighted residual ends with a root mean square below this has converged, and no further one is tried; 0 tries all.
    /// </summary>
    public double Tolerance { get; init; } = 1e-4;

    public override Reconstruction Run(AttackContext context, Action<Sighting>? watch = null, CancellationToken cancellation = default)
    {
        if (Restarts < 1 || Steps < 1 || !(Noise > 0))
            throw new AfterimageException("Gauss-Newton needs at least one start, one step and a positive noise; " +
                $"it has {Restarts}, {Steps} and {Noise}.");
        if (Direct < 0 || PublicCount < 2)
            throw new AfterimageException("Gauss-Newton needs at least two public images and no negative number of direct unknowns; " +
                $"it has {PublicCount} and {Direct}.");
        if (context.Model.Device.type != DeviceType.CPU)
            throw new AfterimageException("Gauss-Newton solves its systems on the CPU: load the model there.");
        using var scope = Tidy.Scope();
        using var own = context.To(ScalarType.Float64);
        return Search(own, watch, cancellation);
    }

    private Reconstruction Search(AttackContext context, Action<Sighting>? watch, CancellationToken cancellation)
    {
        var labels = Labels.Recover(context);
        if (labels.Refine)
            throw new AfterimageException("Gauss-Newton needs labels before it starts: recover them (\"bias-sign\"), " +
                "or use gradient matching, which can optimize them.");
        var statistics = Statistics(context);
        var separable = context.Observation.Training is FedSgd training
            && (training.Mode == Models.ModelMode.Eval || context.Model.Buffers.Count == 0);
        HeadFactors? head = null;
        if (separable && SplitHead)
            (labels, head) = Split(context, statistics, labels);
        var targets = labels.Targets(context.Model.Classes, ScalarType.Float64, context.Model.Device);
        var problem = new PosteriorProblem(context, statistics, targets, head, separable);
        var block = new LeadingBlock(problem, Direct);
        PosteriorDescent? best = null;
        var (steps, evaluations, tried) = (0, 0, 0);
        while (tried < Restarts && !cancellation.IsCancellationRequested)
        {
            var restart = tried++;
            using var generator = context.Random.Derive("restart", restart).Generator(context.Model.Device);
            var start = randn([problem.Batch * problem.Pixels], ScalarType.Float64, generator: generator) * StartDeviation;
            var descent = new PosteriorDescent(restart, problem, block, start, Noise);
            while (!descent.Finished && descent.Steps < Steps && !cancellation.IsCancellationRequested)
                if (descent.Advance())
                    watch?.Invoke(new(restart, descent.Steps - 1, descent.Objective, evaluations + descent.Evaluations,
                        () => problem.Decode(descent.Point).clamp(0, 1)));
            steps += descent.Steps;
            evaluations += descent.Evaluations;
            if (best is null || descent.Misfit < best.Misfit)
                best = descent;
            if (best.Misfit < Tolerance)
                break;
        }
        return Conclude(context, problem, labels, head, best, tried, steps, evaluations, cancellation.IsCancellationRequested);
    }

    private Reconstruction Conclude(AttackContext context, PosteriorProblem problem, Labels labels, HeadFactors? head,
        PosteriorDescent? best, int restarts, int steps, int evaluations, bool canceled)
    {
        var images = best is null ? full(context.ImagesShape, 0.5, ScalarType.Float64) : problem.Decode(best.Point).clamp(0, 1);
        var misfit = problem.RelativeMisfit(images);
        return new()
        {
            Images = images.to(ScalarType.Float32).cpu().MoveToOuterDisposeScope(),
            Labels = labels,
            Objective = best?.Objective ?? double.NaN,
            RelativeMisfit = misfit,
            Outcome = Judge(misfit, restarts, canceled),
            Operator = context.Operator.Reason,
            Notes = [head is null ? "The features of the images could not be read from the head's gradient."
                : FormattableString.Invariant($"The head's gradient gave the features of every image, up to {head.Residual:G2}.")],
            Restart = best?.Restart ?? 0,
            Restarts = restarts,
            Iterations = steps,
            Evaluations = evaluations,
        };
    }

    private Outcome Judge(double misfit, int restarts, bool canceled)
    {
        if (canceled)
            return new(OutcomeKind.Canceled, $"Stopped early; the best reconstruction so far explains the update up to {misfit:P1}.");
        if (misfit < Math.Max(Tolerance, 1e-3))
            return new(OutcomeKind.Converged, $"The reconstruction explains the update up to {misfit:G2} of its norm.");
        return new(OutcomeKind.BudgetSpent,
            $"After {restarts} start{(restarts == 1 ? "" : "s")} the reconstruction leaves {misfit:P1} of the update unexplained: " +
            "the attack did not converge, so a poor image here is no sign of protection; " +
            "give it more steps or restarts, or a first-order attack.");
    }

    /// <summary>The labels, then those in which one uncertain label is another class.</summary>
    private static IEnumerable<Labels> Plausible(Labels labels, int classes)
    {
        yield return labels;
        for (var i = 0; i < labels.Classes.Count; i++)
            for (var c = 0; c < classes && labels.Confidence[i] < 1; c++)
                if (c != labels.Classes[i])
                    yield return labels with { Classes = labels.Classes.Select((old, j) => j == i ? c : old).ToSeq() };
    }

    private ImageStatistics Statistics(AttackContext context)
    {
        if (Public is null)
            return ImageStatistics.OfPhotographs(context.Model.Input);
        var images = Public.Open();
        return images.Shape == context.Model.Input ? ImageStatistics.Of(images, PublicCount)
            : throw new AfterimageException($"The public images have shape {images.Shape}, the model takes {context.Model.Input}: " +
                "choose public images of that shape.");
    }

    /// <summary>The head taken apart, under the first labels that fit: only true ones do.</summary>
    private static (Labels Labels, HeadFactors? Head) Split(AttackContext context, ImageStatistics statistics, Labels labels)
    {
        if (context.Model.Head is not (var weight, { } bias))
            return (labels, null);
        var update = context.Observation.Update;
        using var generator = context.Random.Derive("features").Generator(context.Model.Device);
        var z = randn([FeatureSamples, context.Model.Input.Count], ScalarType.Float64, generator: generator);
        var draws = statistics.Synthesize(z) + statistics.Mean;
        var targets = labels.Targets(context.Model.Classes, ScalarType.Float64, context.Model.Device).narrow(0, 0, 1);
        var samples = new List<Tensor>();
        for (var i = 0; i < FeatureSamples; i++)
        {
            // The gradient of one image is d h', and d is the gradient of the bias.
            var gradient = context.Operator.At(draws.narrow(0, i, 1), targets).Value;
            var error = gradient[bias];
            samples.Add(error.unsqueeze(0).matmul(gradient[weight]).squeeze(0) / error.square().sum());
        }
        var features = stack([.. samples]);
        foreach (var candidate in Plausible(labels, context.Model.Classes))
            if (HeadFactors.Find(update[weight], update[bias], context.Model.Parameters[weight].detach(),
                context.Model.Parameters[bias].detach(), candidate.Targets(context.Model.Classes, ScalarType.Float64, context.Model.Device),
                features, context.Random) is { } head)
                return (candidate, head);
        return (labels, null);
    }
}
