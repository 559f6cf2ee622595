namespace Afterimage.Networks;

/// <summary>Parameters that a training moves by Adam, and the running average of their values, which is what the training is for.</summary>
internal sealed class TrainedVector : IDisposable
{
    private readonly string name;
    private readonly double averaging;
    private readonly Adam adam;

    /// <param name="name">What a state file calls it.</param>
    /// <param name="start">Its initial values; taken over.</param>
    /// <param name="beta1">How much of the mean gradient Adam keeps.</param>
    /// <param name="averaging">How much of the average a step keeps, in the long run.</param>
    public TrainedVector(string name, Tensor start, double beta1, double averaging)
    {
        (this.name, this.averaging) = (name, averaging);
        Value = start.DetachFromDisposeScope();
        Average = start.clone().DetachFromDisposeScope();
        adam = new(start, beta1, beta2: 0.99);
    }

    public Tensor Value { get; }

    public Tensor Average { get; }

    public IEnumerable<(string Name, Tensor Value)> State =>
        [(name, Value), ($"{name} average", Average), ($"{name} first", adam.Mean), ($"{name} second", adam.Square)];

    /// <summary>The same numbers as the origin of a graph, in full precision.</summary>
    public Tensor Leaf() => Value.detach().requires_grad_();

    /// <param name="gradient">At the value.</param>
    /// <param name="rate">About how far every number moves.</param>
    /// <param name="step">From 0.</param>
    public void Step(Tensor gradient, double rate, int step)
    {
        adam.Step(Value, gradient, rate, step + 1);
        // At first the average is short, so that it forgets the untrained network.
        Average.lerp_(Value, 1 - Math.Min(averaging, (step + 1.0) / (step + 10)));
    }

    public void Dispose()
    {
        Value.Dispose();
        Average.Dispose();
        adam.Dispose();
    }
}
