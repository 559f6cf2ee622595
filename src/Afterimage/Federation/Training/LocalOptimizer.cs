namespace Afterimage.Federation;

/// <summary>What a local step makes of its gradient. Everything is differentiable, so that local training can be unrolled.</summary>
public abstract record LocalOptimizer
{
    /// <summary>Tensors that it keeps for each parameter between steps; they begin at zero.</summary>
    public abstract int Memory { get; }

    /// <summary>One parameter after a step, and what is kept of it.</summary>
    /// <param name="weight">The parameter before the step.</param>
    /// <param name="gradient">Of the mean loss of the step.</param>
    /// <param name="memory">What was kept, <see cref="Memory"/> tensors.</param>
    /// <param name="rate">The learning rate.</param>
    /// <param name="number">The step, from 1.</param>
    public abstract (Tensor Weight, Tensor[] Memory) Step(Tensor weight, Tensor gradient, Tensor[] memory, double rate, int number);

    /// <summary>How far a weight moves in so many steps under a constant gradient of one, in units of the rate and without decay.</summary>
    public abstract double Gain(int steps);
}
