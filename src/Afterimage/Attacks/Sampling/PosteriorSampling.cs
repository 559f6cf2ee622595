using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.Networks;
using Afterimage.Priors;
using Afterimage.Spaces;

namespace Afterimage.Attacks;

/// <summary>
/// Diffusion posterior sampling (Chung et al., 2023) on gradients: a denoising diffusion model (Karras et al., 2022) draws images from
/// noise that falls level by level, and at every level the gradient of Fidelity(A(D(x)), y), taken through the denoiser D, pulls them
/// towards the update. The pull is as long as <see cref="Strength"/> times the level's step and fades where the update is explained to
/// the channel's noise.
/// </summary>
[Cites("chung2023diffusion", "karras2022elucidating")]
public sealed record PosteriorSampling : IterativeAttack
{
    /// <summary>Two restarts.</summary>
    public PosteriorSampling() => Restarts = 2;

    /// <summary>A file of "afterimage train generator --kind diffusion"; null is the model that comes with Afterimage.</summary>
    public string? Diffusion { get; init; }

    /// <summary>How updates are compared.</summary>
    public Fidelity Fidelity { get; init; } = new Cosine();

    /// <summary>Further priors, on the denoised images.</summary>
    public ValueList<Prior> Priors { get; init; } = [];

    /// <summary>Noise levels of one restart.</summary>
    [Range(2, 1_000_000)]
    public int Steps { get; init; } = 200;

    /// <summary>The largest noise level, for pixels in [0,1].</summary>
    [Range(0, 40, MinimumIsExclusive = true)]
    public double LargestSigma { get; init; } = 40;

    /// <summary>Length of the pull as a multiple of the fall of the noise level, root mean square over the pixels of the batch.</summary>
    [Range(0, 1e6)]
    public double Strength { get; init; } = 1;

    /// <summary>The share of the noise that is drawn anew at every level: 0 is deterministic, 1 ancestral sampling.</summary>
    [Range(0, 1)]
    public double Fresh { get; init; } = 0.5;

    /// <inheritdoc/>
    public override string Equation =>
        $"x ~ p(x | y) by {Steps} noise levels of a diffusion model D, each pulled along the gradient of Fidelity(A(D(x)), y)" +
        $"{(Priors.Count == 0 ? "" : " and priors")}; {Restarts} restarts; labels: {PartKind.Of(Labels.GetType())}";

    /// <inheritdoc/>
    public override int Budget => Restarts * Steps;

    /// <inheritdoc/>
    public override bool HasTrainedPrior => true;

    /// <inheritdoc/>
    public override Tensor? Imagine(AttackContext context, int count, RandomSource random) =>
        DenoisedImages.Imagine(Diffusion, context, count, random);

    /// <inheritdoc/>
    public override Attack? WithIterations(int iterations) => this with { Steps = Math.Max(2, iterations) };

    /// <inheritdoc/>
    protected override ChannelEffects Reads => ChannelEffects.All;

    /// <inheritdoc/>
    protected override string Advice => "more steps or a stronger pull explain more of it";

    /// <inheritdoc/>
    protected override SearchResult Search(AttackRun run)
    {
        var (context, best) = (run.Context, (Draw?)null);
        var (steps, evaluations, tried) = (0, 0, 0);
        while (tried < Restarts && !run.Stop.IsCancellationRequested)
        {
            var draw = new Draw(this, context, run.Labels, tried++);
            draw.Descend(run);
            steps += draw.Steps;
            evaluations += draw.Objective.Evaluations;
            if (best is null || !(best.Value <= draw.Value))
                best = draw;
        }
        return new()
        {
            Images = best is { Steps: > 0 } ? best.Images() : null,
            Labels = run.Labels,
            Objective = best?.Value,
            RelativeMisfit = best?.Misfit,
            Operator = context.Operator.Reason,
            Restart = best?.Number ?? 0,
            Restarts = tried,
            Iterations = steps,
            Evaluations = evaluations,
        };
    }

    /// <summary>One restart.</summary>
    private sealed class Draw
    {
        private readonly PosteriorSampling attack;
        private readonly AttackContext context;
        private readonly RandomSource random;
        private readonly DenoisedImages denoised;
        private readonly double[] levels;
        private readonly Tensor point;

        public Draw(PosteriorSampling attack, AttackContext context, Labels labels, int number)
        {
            (this.attack, this.context, Number) = (attack, context, number);
            random = context.Random.Derive("restart", number);
            levels = [.. DiffusionModel.Levels(attack.Steps).Where(level => level <= attack.LargestSigma)];
            denoised = DenoisedImages.Open(attack.Diffusion, context,
                labels.Targets(context.Model.Classes, context.Model.Type, context.Model.Device), levels[0]);
            Objective = new(context, denoised, attack.Fidelity, attack.Priors, labels with { Refine = false }, random);
            using var generator = random.Derive("noise").Generator(CPU);
            point = 0.5 + Noise(generator) * levels[0];
        }

        public int Number { get; }

        public MatchingObjective Objective { get; }

        public int Steps { get; private set; }

        /// <summary>The objective at the last level.</summary>
        public double Value { get; private set; } = double.PositiveInfinity;

        public double Misfit => Objective.RelativeMisfit(point);

        public Tensor Images() => Objective.Images(point);

        public void Descend(AttackRun run)
        {
            using var generator = random.Derive("fresh noise").Generator(CPU);
            using var gradient = zeros_like(point);
            var floor = context.Observation.Floor;
            for (var step = 0; step < levels.Length - 1 && !run.Stop.IsCancellationRequested; step++)
            {
                denoised.Sigma = levels[step];
                var value = Objective.Evaluate(point, gradient);
                if (!double.IsFinite(value))
                    break;
                (Value, Steps) = (value, Steps + 1);
                run.See(new(Number, step, value, Objective.Evaluations, () => Objective.Images(point)));
                if (levels[step + 1] == 0)
                    break;
                using var scope = Tidy.Scope();
                var (now, next) = (levels[step], levels[step + 1]);
                var clean = denoised.Clean(point);
                var noise = (point - clean) / now;
                if (attack.Fresh > 0)
                    noise = noise * Math.Sqrt(1 - attack.Fresh * attack.Fresh) + Noise(generator) * attack.Fresh;
                var unexplained = floor > 0 ? 1 - Math.Min(1, Math.Pow(floor / Objective.RelativeMisfit(point), 2)) : 1;
                var length = gradient.square().mean().sqrt().ToDouble();
                var pull = length > 0 ? attack.Strength * unexplained * (now - next) / length : 0;
                point.copy_(clean + noise * next - gradient * pull);
            }
        }

        private Tensor Noise(torch.Generator generator) => randn(denoised.Start.shape, ScalarType.Float32, CPU, generator: generator)
            .to(context.Model.Type, context.Model.Device);
    }
}
