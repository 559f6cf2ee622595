namespace Afterimage.Solvers;

/// <summary>
/// Adam (Kingma and Ba, 2015) or SGD with momentum, with what gradient inversion adds to them: the sign of the gradient,
/// schedules, warm-up, Langevin noise and a look ahead that prefers flat minima.
/// </summary>
[Cites("kingma2015adam")]
public sealed record FirstOrder : Solver
{
    public FirstOrderMethod Method { get; init; } = FirstOrderMethod.Adam;

    public double LearningRate { get; init; } = 0.1;

    /// <summary>Momentum of SGD; Adam uses its own .9 and .999.</summary>
    public double Momentum { get; init; }

    /// <summary>Whether only the sign of the gradient counts (Geiping et al., 2020).</summary>
    public GradientSign Sign { get; init; } = GradientSign.None;

    public Schedule Schedule { get; init; } = Schedule.Constant;

    /// <summary>Steps over which the learning rate grows linearly from zero.</summary>
    public int WarmUp { get; init; }

    /// <summary>Standard deviation of the gaussian noise added to every step, as a multiple of the learning rate (Yin et al., 2021).</summary>
    public double Langevin { get; init; }

    /// <summary>
    /// How far the gradient is looked at ahead, along the gradient itself, as the root mean square over the variables; twice the evaluations.
    /// Together with the gradient here it penalizes the gradient's length (Fan et al., 2025).
    /// </summary>
    public double LookAhead { get; init; }

    /// <summary>The share of the gradient ahead in the direction, in [0,1].</summary>
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
            // A variable's gradient carries its rate, and so does its step: where the size of the gradient counts, the rate shall count once.
            var direction = Signed(objective.Rates is { } rates && velocity is not null && Sign != GradientSign.Hard ? gradient / rates : gradient, step);
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

public enum FirstOrderMethod { Adam, Sgd }

public enum GradientSign
{
    None,

    /// <summary>sign(g).</summary>
    Hard,

    /// <summary>tanh(s g) / s with s falling from 1 to 0 over the run.</summary>
    Soft,
}

public enum Schedule
{
    Constant,

    /// <summary>Times 0.1 at 3/8, 5/8 and 7/8 of the run.</summary>
    Step,

    Cosine,

    Linear,
}
