namespace Afterimage.Federation;

/// <summary>
/// Adam with decoupled weight decay (Loshchilov and Hutter, 2019), as PyTorch defines it. After a few steps an update tells little
/// more than signs: every weight moves by about the rate, whatever its gradient.
/// </summary>
[Cites("loshchilov2019decoupled")]
public sealed record AdamW : LocalOptimizer
{
    /// <summary>In [0,1): how much of the mean gradient is kept.</summary>
    [Range(0, 1, MaximumIsExclusive = true)]
    public double Beta1 { get; init; } = 0.9;

    /// <summary>In [0,1): how much of the mean square is kept.</summary>
    [Range(0, 1, MaximumIsExclusive = true)]
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the mean square.</summary>
    [Range(0, 1, MinimumIsExclusive = true)]
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>A step takes this times the rate off every weight.</summary>
    [Range(0, 1e6)]
    public double WeightDecay { get; init; } = 0.01;

    /// <inheritdoc/>
    public override int Memory => 2;

    /// <inheritdoc/>
    public override (Tensor Weight, Tensor[] Memory) Step(Tensor weight, Tensor gradient, Tensor[] memory, double rate, int number)
    {
        var mean = memory[0] * Beta1 + gradient * (1 - Beta1);
        var square = memory[1] * Beta2 + gradient * gradient * (1 - Beta2);
        // The root has no derivative at zero, where dead units stay; there it counts as constant.
        var moved = square.detach() > 0;
        var root = where(moved, where(moved, square, ones_like(square)).sqrt(), zeros_like(square));
        var denominator = root / Math.Sqrt(1 - Math.Pow(Beta2, number)) + Epsilon;
        var step = mean / denominator * (rate / (1 - Math.Pow(Beta1, number)));
        return ((WeightDecay > 0 ? weight * (1 - rate * WeightDecay) : weight) - step, [mean, square]);
    }

    /// <inheritdoc/>
    public override double Gain(int steps) => steps / (1 + Epsilon);
}
