using System.Globalization;

namespace Afterimage.Networks;

/// <summary>
/// The training of a style generator against a discriminator: the relativistic pairing loss with penalties of the discriminator's gradient
/// at real and at generated images, R1 and R2 (Huang et al., 2024), which are taken at every fourth step (as R1 in Karras et al., 2020);
/// Adam without momentum and a running average of the weights. Both networks move at once, so that one pass serves both.
/// </summary>
[Cites("huang2024gan", "karras2020analyzing", "kingma2015adam")]
internal sealed class StyleTask : GeneratorTask
{
    private const int PenaltyEvery = 4, Compared = 512;
    private readonly StyleShape shape;
    private readonly Discriminator discriminator;
    private readonly StyleGenerator frame;
    private readonly TrainedVector generated;
    private readonly TrainedVector judged;

    public StyleTask(GeneratorTraining training, TrainingImages images) : base(training, images, compared: 2000)
    {
        using var scope = Tidy.Scope();
        shape = new()
        {
            Channels = training.Channels, Side = training.Side, Width = training.Width, Latent = training.Latent, Classes = images.Classes,
            NoiseSeed = training.Seed,
        };
        discriminator = new(shape);
        frame = StyleGenerator.Untrained(shape, Random.Derive("generator"));
        frame.Detach();
        generated = new("generator", frame.Flat, beta1: 0, training.Averaging);
        judged = new("discriminator", discriminator.Initial(Random.Derive("discriminator")), beta1: 0, averaging: 0);
    }

    private protected override string Noun => "a style generator";

    internal override IReadOnlyList<(string Name, Tensor Value)> State => [.. generated.State, .. judged.State];

    internal override Tensor Result => generated.Average;

    internal override double Advance(int step, RandomSource stream)
    {
        var (real, labels) = Images.Draw(Training.Batch, Used, stream.Derive("images"));
        var type = Training.Type;
        real = real.to(type);
        var classes = Classes > 0 ? ClassLabels.Probabilities(labels, Training.Batch, Classes, type, CPU) : null;
        var (weights, judgment) = (generated.Leaf(), judged.Leaf());
        var made = Made(weights.to(type), classes, stream);
        var views = new ParameterViews(discriminator.Layout, judgment.to(type), isOwner: false);
        var both = classes is null ? null : cat([classes, classes]);
        var penalized = step % PenaltyEvery == 0 && Training.Penalty > 0;
        // Penalties differentiate by the images, and the generator is not to be moved by them.
        var shown = penalized ? (cat([real, made.detach()]) * 2 - 1).requires_grad_() : cat([real, made]) * 2 - 1;
        var scores = discriminator.Scores(views, shown, both);
        var margin = Margin(scores);
        var loss = nn.functional.softplus(-margin).mean();
        var total = loss;
        if (penalized)
        {
            var slope = Differentiate.Gradients(scores.sum(), [shown], graph: true)[0].to(ScalarType.Float32);
            total = loss + slope.square().sum() * (Training.Penalty / 2 * PenaltyEvery / Training.Batch);
            margin = Margin(discriminator.Scores(
                new(discriminator.Layout, judged.Value.to(type), isOwner: false), cat([real, made]) * 2 - 1, both));
        }
        var judge = Differentiate.Gradients(total, [judgment])[0];
        var generator = Differentiate.Gradients(nn.functional.softplus(margin).mean(), [weights])[0];
        judged.Step(judge, Training.Rate, step);
        generated.Step(generator, Training.Rate, step);
        return loss.ToDouble();
    }

    /// <summary>How much more real the real images look than the generated ones, [B].</summary>
    private Tensor Margin(Tensor scores)
    {
        var full = scores.to(ScalarType.Float32);
        return full.narrow(0, 0, Training.Batch) - full.narrow(0, Training.Batch, Training.Batch);
    }

    private Tensor Made(Tensor weights, Tensor? classes, RandomSource stream)
    {
        var network = (StyleGenerator)frame.With(weights);
        var state = network.Begin(network.Draw(Training.Batch, stream, weights.dtype, CPU), classes, stream.Derive("noise"));
        for (var stage = 0; stage < network.Stages; stage++)
            state = network.Advance(state, stage);
        return state[0];
    }

    private protected override Tensor Drawn(Tensor parameters, int count, Tensor? labels, RandomSource random)
    {
        var network = frame.With(parameters);
        return network.Decode(network.Draw(count, random, ScalarType.Float32, CPU), labels);
    }

    internal override double Validate() => -Distance(Result, Math.Min(Compared, ReferenceCount));

    /// <inheritdoc/>
    public override string Measure => DistanceName;

    /// <inheritdoc/>
    public override string Figure(double quality) => string.Create(CultureInfo.InvariantCulture, $"{-quality:F2}");

    internal override void Save(Tensor result, string path) => GeneratorFile.Write(path, shape, result);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        base.Dispose(disposing);
        generated.Dispose();
        judged.Dispose();
        frame.Dispose();
    }
}
