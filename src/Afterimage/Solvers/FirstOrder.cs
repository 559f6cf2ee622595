namespace Afterimage.Solvers;

/// <summary>
/// Adam (Kingma and Ba, 2015) or SGD with momentum, with what gradient inversion adds to them: the sign of the gradient,
/// schedules, warm-up, Langevin noise and a look ahead that prefers flat minima.
/// </summary>
[Cites("kingma2015adam")]
public sealed record FirstOrder : Solver
{
    /// <summary>The update rule.</summary>
    public FirstOrderMethod Method { get; init; } = FirstOrderMethod.Adam;

    /// <summary>Step size before the schedule.</summary>
    [Range(0, 1e6, MinimumIsExclusive = true)]
    public double LearningRate { get; init; } = 0.1;

    /// <summary>Momentum of SGD; Adam uses its own .9 and .999.</summary>
    [Range(0, 1, MaximumIsExclusive = true)]
    public double Momentum { get; init; }

    /// <summary>Whether only the sign of the gradient counts (Geiping et al., 2020).</summary>
    public GradientSign Sign { get; init; } = GradientSign.None;

    /// <summary>How the learning rate falls over the run.</summary>
    public Schedule Schedule { get; init; } = Schedule.Constant;

    /// <summary>Steps over which the learning rate grows linearly from zero.</summary>
    [Range(0, 100_000_000)]
    public int WarmUp { get; init; }

    /// <summary>Standard deviation of the Gaussian noise added to every step, over the learning rate (Yin et al., 2021).</summary>
    [Range(0, 1e6)]
    public double Langevin { get; init; }

    /// <summary>
    /// Distance from the point, along its gradient, of a second gradient; root mean square over the variables. Mixing the two penalizes
    /// the gradient's length (Fan et al., 2025) and doubles the evaluations.
    /// </summary>
    [Range(0, 1e6)]
    public double LookAhead { get; init; }

    /// <summary>The share of the gradient ahead in the direction, in [0,1].</summary>
    [Range(0, 1)]
    public double AheadShare { get; init; } = 0.5;

    /// <inheritdoc/>
    public override IEnumerable<SolverStep> Descend(Objective objective, Tensor start, RandomSource random)
    {
        using var generator = random.Derive("langevin").Generator(start.device);
        using var point = start.clone();
        using var gradient = zeros_like(point);
        using var adam = Method == FirstOrderMethod.Adam ? new Adam(point) : null;
        using var velocity = Method == FirstOrderMethod.Sgd ? zeros_like(point) : null;
        using var ahead = LookAhead > 0 ? zeros_like(point) : null;
        for (var step = 0; step < Iterations; step++)
        {
            var value = objective.Evaluate(point, gradient);
            yield return new(step, value, point);
            using var _ = Tidy.Scope();
            if (ahead is not null)
                LookFurther(objective, point, gradient, ahead);
            var rate = Rate(step);
            if (Langevin > 0)
                point.add_(randn(point.shape, point.dtype, point.device, generator: generator), alpha: Langevin * rate);
            // Gradients and steps both carry a variable's rate. A step that is proportional to the gradient must carry it once.
            var unscaled = objective.Rates is { } rates && velocity is not null && Sign != GradientSign.Hard ? gradient / rates : gradient;
            var direction = Signed(unscaled, step);
            adam?.Step(point, direction, rate, step + 1);
            if (velocity is not null)
                point.add_(velocity.mul_(Momentum).add_(direction), alpha: -rate);
            objective.Project(point);
        }
    }

    private void LookFurther(Objective objective, Tensor point, Tensor gradient, Tensor ahead)
    {
        var length = gradient.square().mean().sqrt().ToDouble();
        if (!(length > 0 && double.IsFinite(length)))
            return;
        objective.Evaluate(point + gradient * (LookAhead / length), ahead);
        gradient.mul_(1 - AheadShare).add_(ahead, alpha: AheadShare);
    }

    private Tensor Signed(Tensor gradient, int step) => Sign switch
    {
        GradientSign.Hard => gradient.sign(),
        GradientSign.Soft => Soft(gradient, 1 - (double)step / Iterations),
        _ => gradient,
    };

    private static Tensor Soft(Tensor direction, double sharpness) => (direction * sharpness).tanh_().div_(sharpness);

    internal double Rate(int step)
    {
        var decay = Schedule switch
        {
            Schedule.Step => Math.Pow(0.1, new[] { 3 / 8.0, 5 / 8.0, 7 / 8.0 }.Count(milestone => step >= (int)(milestone * Iterations))),
            Schedule.Cosine => (1 + Math.Cos(Math.PI * step / Iterations)) / 2,
            Schedule.Linear => 1 - (double)step / Iterations,
            _ => 1,
        };
        return LearningRate * decay * (WarmUp > 0 ? Math.Min(1, (step + 1.0) / WarmUp) : 1);
    }
}

/// <summary>A first-order update rule.</summary>
public enum FirstOrderMethod
{
    /// <summary>Adaptive moments.</summary>
    Adam,

    /// <summary>Gradient descent with momentum.</summary>
    Sgd,
}

/// <summary>What a first-order step makes of the gradient's entries.</summary>
public enum GradientSign
{
    /// <summary>The entries as they are.</summary>
    None,

    /// <summary>sign(g).</summary>
    Hard,

    /// <summary>tanh(s g) / s with s falling from 1 to 0 over the run.</summary>
    Soft,
}

/// <summary>The course of the learning rate over a run.</summary>
public enum Schedule
{
    /// <summary>The same rate throughout.</summary>
    Constant,

    /// <summary>Times 0.1 at 3/8, 5/8 and 7/8 of the run.</summary>
    Step,

    /// <summary>Half a cosine, down to 0.</summary>
    Cosine,

    /// <summary>A straight line, down to 0.</summary>
    Linear,
}
