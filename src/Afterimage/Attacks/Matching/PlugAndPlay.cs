using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.LabelRecovery;
using Afterimage.Networks;
using Afterimage.Priors;
using Afterimage.Solvers;
using Afterimage.Spaces;
using Afterimage.Starts;

namespace Afterimage.Attacks;

/// <summary>
/// Plug-and-play (Venkatakrishnan, Bouman and Wohlberg, 2013; by half-quadratic splitting as Zhang et al., 2022): matching steps on
/// Fidelity(A(x), y) + weight/2 mean (x - z)^2 and denoisings z = D(x) by an FFDNet (Zhang, Zuo and Zhang, 2018) take turns, for noise
/// that falls from one level to another.
/// </summary>
/// <remarks>
/// One solver runs through all of it, so that its schedule and momentum go on while z changes: use a first-order one. With a denoising
/// before every step the force is that of RED, but with a noise level that falls.
/// </remarks>
[Cites("venkatakrishnan2013plug", "zhang2022plug", "zhang2018ffdnet")]
public sealed record PlugAndPlay : IterativeAttack
{
    /// <summary>Labels by the sign of the bias gradient.</summary>
    public PlugAndPlay() => Labels = new BiasSign();

    /// <summary>Where restarts begin.</summary>
    public Start Start { get; init; } = new Gaussian();

    /// <summary>Of a space with several stages only the last is searched.</summary>
    public SearchSpace Space { get; init; } = new Pixels { Box = true };

    /// <summary>How updates are compared.</summary>
    public Fidelity Fidelity { get; init; } = new Cosine();

    /// <summary>Further priors, such as a weak total variation.</summary>
    public ValueList<Prior> Priors { get; init; } = [];

    /// <summary>Its iterations are those of the whole run.</summary>
    public Solver Solver { get; init; } = new FirstOrder { Sign = GradientSign.Hard, Schedule = Schedule.Cosine, Iterations = 4000 };

    /// <summary>A file of denoiser weights; null takes the one that comes with Afterimage.</summary>
    public string? Denoiser { get; init; }

    /// <summary>Noise that the first denoising removes: its deviation for pixels from 0 to 255.</summary>
    [Range(0, 255, MinimumIsExclusive = true)]
    public double FirstSigma { get; init; } = 15;

    /// <summary>Noise that the last one removes; in between the levels fall geometrically.</summary>
    [Range(0, 255, MinimumIsExclusive = true)]
    public double LastSigma { get; init; } = 4;

    /// <summary>Of the mean squared distance to what the denoiser made, against the fidelity.</summary>
    [Range(0, 1e30)]
    public double Weight { get; init; } = 0.3;

    /// <summary>Matching steps between two denoisings.</summary>
    [Range(1, 100_000_000)]
    public int Every { get; init; } = 1;

    /// <inheritdoc/>
    public override string Equation => MatchingText.Of(
        new() { Labels = Labels, Start = Start, Fidelity = Fidelity, Priors = Priors, Solver = Solver, Restarts = Restarts },
        $" + {MatchingText.Number(Weight / 2)} mean (x - z)^2, z = D(x) every {Every} steps, " +
        $"sigma from {MatchingText.Number(FirstSigma)} to {MatchingText.Number(LastSigma)}");

    /// <inheritdoc/>
    public override int Budget => Restarts * Solver.Iterations;

    /// <inheritdoc/>
    public override bool HasTrainedPrior => true;

    /// <inheritdoc/>
    public override Attack? WithIterations(int iterations) => this with { Solver = Solver with { Iterations = iterations } };

    /// <inheritdoc/>
    protected override ChannelEffects Reads => ChannelEffects.All;

    /// <inheritdoc/>
    protected override bool RefinesLabels => true;

    /// <inheritdoc/>
    protected override string Advice => "a weaker coupling to the denoiser or more iterations explain more of it";

    /// <inheritdoc/>
    protected override SearchResult Search(AttackRun run)
    {
        var (context, labels) = (run.Context, run.Labels);
        var denoiser = Networks.Denoiser.Open(Denoiser).To(context.Model.Device);
        Turn? best = null;
        var (iterations, evaluations, tried) = (0, 0, 0);
        while (tried < Restarts && !run.Stop.IsCancellationRequested)
        {
            var turn = new Turn(this, context, labels, denoiser, tried++);
            turn.Descend(run);
            iterations += turn.Steps;
            evaluations += turn.Objective.Evaluations;
            if (best is null || !(best.Misfit <= turn.Misfit))
                best = turn;
        }
        return new()
        {
            Images = best is { Steps: > 0 } ? best.Images() : null,
            Labels = labels.Refine && best is not null ? best.Refined() : labels,
            Objective = best?.Value,
            RelativeMisfit = best?.Misfit,
            Operator = context.Operator.Reason,
            Restart = best?.Number ?? 0,
            Restarts = tried,
            Iterations = iterations,
            Evaluations = evaluations,
        };
    }

    /// <summary>The noise level at a step, on the scale of [0,1].</summary>
    internal double Sigma(int step)
    {
        var (first, last) = (Networks.Denoiser.Level(FirstSigma), Networks.Denoiser.Level(LastSigma));
        return first * Math.Pow(last / first, Math.Min(1, step / Math.Max(1.0, Solver.Iterations - 1)));
    }

    /// <summary>One restart.</summary>
    private sealed class Turn
    {
        private readonly PlugAndPlay attack;
        private readonly Denoiser denoiser;
        private readonly RandomSource random;
        private readonly Denoised denoised;
        private readonly Tensor point;

        public Turn(PlugAndPlay attack, AttackContext context, Labels labels, Denoiser denoiser, int number)
        {
            (this.attack, this.denoiser, Number) = (attack, denoiser, number);
            random = context.Random.Derive("restart", number);
            var start = attack.Start.Draw(context, random);
            denoised = new(empty_like(start)) { Weight = attack.Weight };
            var search = attack.Space.Stages[^1].Open(context, start, random);
            Objective = new(context, search, attack.Fidelity, [.. attack.Priors, denoised], labels, random);
            point = Objective.Start.clone();
        }

        public int Number { get; }

        public MatchingObjective Objective { get; }

        public int Steps { get; private set; }

        /// <summary>The objective at the last iterate, with the noise level of that time.</summary>
        public double Value { get; private set; } = double.NaN;

        public double Misfit { get; private set; } = double.NaN;

        public void Descend(AttackRun run)
        {
            Denoise(point, 0);
            Objective.Begin(0);
            foreach (var iterate in attack.Solver.Descend(Objective, point, random))
            {
                if (!double.IsFinite(iterate.Value))
                    break;
                point.copy_(iterate.Point);
                Value = iterate.Value;
                Steps++;
                run.See(new(Number, iterate.Number, iterate.Value, Objective.Evaluations, () => Objective.Images(iterate.Point)));
                if (run.Stop.IsCancellationRequested)
                    break;
                Objective.Begin(Steps);
                if (Steps % attack.Every == 0)
                    Denoise(point, Steps);
            }
            if (double.IsFinite(Value))
                Misfit = Objective.RelativeMisfit(point);
        }

        public Tensor Images() => Objective.Images(point);

        public Labels Refined() => Objective.Refined(point);

        private void Denoise(Tensor from, int step)
        {
            using var scope = Tidy.Scope();
            denoised.Target.copy_(denoiser.Clean(Objective.Images(from), attack.Sigma(step)).clamp(0, 1));
        }
    }

    /// <summary>Half the mean squared distance to what the denoiser made last.</summary>
    private sealed record Denoised(Tensor Target) : Prior
    {
        public override Func<PriorInput, Tensor> Bind(AttackContext context) => trial => (trial.Images - Target).square().mean() / 2;
    }
}
