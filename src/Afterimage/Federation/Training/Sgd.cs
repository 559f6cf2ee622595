namespace Afterimage.Federation;

/// <summary>Stochastic gradient descent as PyTorch defines it, with heavy-ball or Nesterov momentum and weight decay in the gradient.</summary>
public sealed record Sgd : LocalOptimizer
{
    /// <summary>In [0,1): how much of the last direction is kept.</summary>
    public double Momentum { get; init; }

    /// <summary>Whether a step looks ahead along the momentum.</summary>
    public bool Nesterov { get; init; }

    /// <summary>This times the weight is added to the gradient.</summary>
    public double WeightDecay { get; init; }

    /// <inheritdoc/>
    public override int Memory => Momentum == 0 ? 0 : 1;

    /// <inheritdoc/>
    public override (Tensor Weight, Tensor[] Memory) Step(Tensor weight, Tensor gradient, Tensor[] memory, double rate, int number)
    {
        if (!(Momentum is >= 0 and < 1) || !(WeightDecay >= 0) || (Nesterov && Momentum == 0))
            throw new AfterimageException("SGD needs a momentum in [0,1), which Nesterov's cannot do without, and a weight decay of at " +
                $"least 0; it has momentum {Momentum}, weight decay {WeightDecay}{(Nesterov ? " and Nesterov" : "")}.");
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
