using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Priors;
using Afterimage.Solvers;
using Afterimage.Spaces;
using Afterimage.Starts;

namespace Afterimage.Attacks;

/// <summary>
/// A batch by its features: one weight gradient is separated into what its layer took in of every image, as in
/// <see cref="BatchSeparation"/>, and another attack then looks for images with just these features instead of for images of a mixed
/// gradient. Its search space, priors and solver are what they are; only what it compares has changed.
/// </summary>
public sealed record FeatureMatching : Attack
{
    /// <summary>
    /// The search: gradient matching, plug-and-play or posterior sampling, whose fidelity compares features, one image beside the other.
    /// </summary>
    public Attack Method { get; init; } = new GradientMatching
    {
        Start = new ConstantGray(),
        Space = new Spectral(),
        Fidelity = new Cosine(),
        Priors = [new TotalVariation { Weight = 0.02 }],
        Solver = new FirstOrder { LearningRate = 0.1, Schedule = Schedule.Cosine, WarmUp = 20, Iterations = 600 },
        Tolerance = 0,
    };

    /// <summary>How labels are recovered where the features do not tell them.</summary>
    public LabelRule Labels { get; init; } = new RefinedCounts();

    /// <inheritdoc/>
    public override string Equation => "dL/dW = sum over n of (dL/dz)_n (x) h_n: h_1 ... h_B; then with h(x) and h for A(x) and y:\n" +
        Method.Equation;

    /// <inheritdoc/>
    public override LabelRule? Rule => Labels;

    /// <inheritdoc/>
    protected override bool RecoversFirst => false;

    /// <inheritdoc/>
    public override int Budget => Method.Budget;

    /// <inheritdoc/>
    public override bool HasTrainedPrior => Method.HasTrainedPrior;

    /// <inheritdoc/>
    public override string? Fault => Method switch
    {
        GradientMatching { Nuisance: not null } => "Features do not depend on the client's training: leave out the attack's \"nuisance\".",
        GradientMatching { Priors: var priors } when priors.Any(prior => prior is LastLayerFeatures) =>
            "The prior \"last-layer-features\" reads the head's gradient, and features are compared here: leave it out.",
        GradientMatching or PlugAndPlay or PosteriorSampling => Method.Fault,
        _ => $"Features are matched by gradient matching, plug-and-play or posterior sampling, and \"{PartKind.Of(Method.GetType())}\" " +
            "reads updates: name one of these as \"method\".",
    };

    /// <inheritdoc/>
    public override Tensor? Imagine(AttackContext context, int count, RandomSource random) => Method.Imagine(context, count, random);

    /// <inheritdoc/>
    public override Attack? WithRestarts(int restarts) =>
        Method.WithRestarts(restarts) is { } method ? this with { Method = method } : null;

    /// <inheritdoc/>
    public override Attack? WithIterations(int iterations) =>
        Method.WithIterations(iterations) is { } method ? this with { Method = method } : null;

    /// <inheritdoc/>
    public override Attack? WithLabels(LabelRule rule) => this with { Labels = rule };

    /// <inheritdoc/>
    public override string? Refusal(AttackContext context) => SeparatedFeatures.Obstacle(context);

    /// <inheritdoc/>
    protected override SearchResult Search(AttackRun run)
    {
        var context = run.Context;
        context.Say("separates the batch");
        var features = SeparatedFeatures.Of(run);
        var labels = features.Labels ?? Labels.Recover(context);
        run.Know(labels);
        var train = context.Observation.Training.Mode == ModelMode.Train;
        var told = train ? context.Observation.StatisticsOf(context.Model) : null;
        using var round = Round(context, features, labels, told, run.SecondsLeft);
        using var found = Method.WithLabels(new Given())!.Run(round, run.See, run.Stop);
        if (double.IsNaN(found.RelativeMisfit))
            throw new AfterimageException(found.Outcome.Advice);
        var left = Left(round, found.Images);
        run.Note(new ImagesMatched(left.Length, context.Observation.BatchSize, left.Order().ElementAt(left.Length / 2), left.Max()));
        return new()
        {
            Images = train && told is null ? Contrasted(context.Model, found.Images) : found.Images.clone(),
            Labels = labels,
            Objective = found.Objective,
            Doubt = $"Of every image {features.Where} is known exactly; the images are the most plausible ones found with it, not proven " +
                "ones: judge them by what they leave of their features.",
            Operator = found.Operator,
            Restart = found.Restart,
            Restarts = found.Restarts,
            Iterations = found.Iterations,
            Evaluations = found.Evaluations,
        };
    }

    /// <summary>The round with features in the place of the update.</summary>
    private static AttackContext Round(
        AttackContext context, SeparatedFeatures features, Labels labels, LayerStatistics? told, double? seconds)
    {
        var seen = context.Observation;
        var wanted = features.Wanted.to(context.Model.Type, context.Model.Device);
        var layout = FeatureOperator.Layout(wanted.shape[0], wanted.shape[1]);
        var shape = Network.Follow(context.Model.Input, features.Before);
        var scale = FeatureScale.Of(wanted, shape.Length == 3 ? shape[0] : 1);
        var mode = told is null ? seen.Training.Mode : ModelMode.Eval;
        return new(own => new FeatureOperator(FeatureFront.Open(own.Model, features.Before, told), layout, scale, mode)
        {
            Reason = "Features are differentiated by libtorch.",
        })
        {
            Model = context.Model,
            Observation = new()
            {
                Update = new(layout, scale.Of(wanted).reshape(-1)),
                Training = seen.Training,
                BatchSize = (int)wanted.shape[0],
                Labels = labels.Classes,
                BatchStatistics = seen.BatchStatistics,
                RunningStatistics = seen.RunningStatistics,
            },
            Random = context.Random.Derive("features"),
            Workers = context.Workers,
            Seconds = seconds,
            PublicImages = context.PublicImages,
            Watch = context.Watch,
        };
    }

    /// <summary>With the contrast that BatchNorm hides where nobody tells the statistics of the batch.</summary>
    private static Tensor Contrasted(VictimModel model, Tensor images)
    {
        if (model.Network!.Layers is not [Conv2d, BatchNorm2d, ..])
            return images.clone();
        var center = model.Denormalize(zeros([1, .. images.shape[1..]], ScalarType.Float64));
        return center + (images - center) * HiddenContrast.Of(images.to(ScalarType.Float64), center).Factor;
    }

    /// <summary>What every image leaves of its features, relative to how much they vary.</summary>
    private static double[] Left(AttackContext round, Tensor images)
    {
        using var scope = Tidy.Scope();
        var update = round.Observation.Update;
        var value = round.Operator.At(new(images.to(round.Model.Type, round.Model.Device), zeros([images.shape[0], round.Model.Classes],
            round.Model.Type, round.Model.Device))).Value;
        return [.. Enumerable.Range(0, update.Layout.Entries.Count).Select(n =>
        {
            var (own, wanted) = (value[n], update[n]);
            return ((own - wanted).norm() / wanted.norm()).ToDouble();
        })];
    }
}
