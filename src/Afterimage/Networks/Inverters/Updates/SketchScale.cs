namespace Afterimage.Networks;

/// <summary>Mean and standard deviation of every bucket of hashed updates, by which an inverter standardizes what it is given.</summary>
/// <param name="Mean">[Size], float32.</param>
/// <param name="Deviation">[Size], float32, positive.</param>
internal sealed record SketchScale(Tensor Mean, Tensor Deviation) : IDisposable
{
    // Gradients have heavy tails: a single number must not decide.
    private const double Largest = 10;

    /// <summary>That of the rows of [N,Size].</summary>
    public static SketchScale Measured(Tensor sketches)
    {
        using var scope = Tidy.Scope();
        var deviation = sketches.std(0, unbiased: false);
        // A bucket that never moved says nothing; rounding must not make it speak.
        var least = deviation.square().mean().sqrt() * 1e-6;
        var filled = where(deviation.gt(least), deviation, ones_like(deviation));
        return new(sketches.mean([0]).DetachFromDisposeScope(), filled.DetachFromDisposeScope());
    }

    /// <summary>One of the same numbers, with an owner of its own.</summary>
    public SketchScale Copy() => new(Mean.clone().DetachFromDisposeScope(), Deviation.clone().DetachFromDisposeScope());

    /// <summary>Standardized sketches, [N,Size].</summary>
    public Tensor Of(Tensor sketches) => ((sketches - Mean) / Deviation).clamp(-Largest, Largest);

    public void Dispose()
    {
        Mean.Dispose();
        Deviation.Dispose();
    }
}
