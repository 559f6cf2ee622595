namespace Afterimage.Federation;

/// <summary>Stochastic gradient descent as in PyTorch: heavy-ball or Nesterov momentum, weight decay in the gradient.</summary>
public sealed record Sgd : LocalOptimizer, ISettings
{
    /// <summary>In [0,1): how much of the last direction is kept.</summary>
    [Range(0, 1, MaximumIsExclusive = true)]
    public double Momentum { get; init; }

    /// <summary>Whether a step looks ahead along the momentum.</summary>
    public bool Nesterov { get; init; }

    /// <summary>This times the weight is added to the gradient.</summary>
    [Range(0, 1e6)]
    public double WeightDecay { get; init; }

    /// <inheritdoc/>
    public string? Fault => Nesterov && Momentum == 0 ? "Nesterov's momentum needs a momentum: give one above 0, or leave it out." : null;

    /// <inheritdoc/>
    public override int Memory => Momentum == 0 ? 0 : 1;

    /// <inheritdoc/>
    public override (Tensor Weight, Tensor[] Memory) Step(Tensor weight, Tensor gradient, Tensor[] memory, double rate, int number)
    {
        if (WeightDecay > 0)
            gradient = gradient + weight * WeightDecay;
        if (Momentum == 0)
            return (weight - gradient * rate, []);
        var velocity = memory[0] * Momentum + gradient;
        return (weight - (Nesterov ? gradient + velocity * Momentum : velocity) * rate, [velocity]);
    }

    /// <inheritdoc/>
    public override double Gain(int steps)
    {
        var (moved, velocity) = (0.0, 0.0);
        for (var step = 0; step < steps; step++)
        {
            velocity = Momentum * velocity + 1;
            moved += Nesterov ? 1 + Momentum * velocity : velocity;
        }
        return moved;
    }
}
