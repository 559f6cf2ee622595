using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// Independent Laplacian noise on every number of the update (Dwork et al., 2006). The likelihood of its heavy tails is the sum of absolute
/// differences, the fidelity "manhattan".
/// </summary>
[Cites("dwork2006calibrating")]
public sealed record LaplacianNoise : Defense
{
    /// <summary>Deviation (not scale) relative to the root mean square of each parameter tensor's update; at least 0.</summary>
    [Range(0, 1e9)]
    public double Relative { get; init; }

    /// <summary>
    /// Deviation in the units of the update, the same for every number: the scale of the distribution times the root of 2.
    /// </summary>
    [Range(0, 1e9)]
    public double Absolute { get; init; }

    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null)
    {
        Settings.Check(this);
        if (Relative == 0 && Absolute == 0)
            return update;
        using var generator = random.Derive("noise").Generator(CPU);
        return NoiseChannel.Add(update, Relative, Absolute, part => Draw(part.shape, part.dtype, generator) / Math.Sqrt(2));
    }

    /// <inheritdoc/>
    public override Channel Known(VictimModel? model = null)
    {
        Settings.Check(this);
        return Relative == 0 && Absolute == 0 ? Channel.None : new NoiseChannel("Laplacian", Relative, Absolute);
    }

    /// <summary>Laplacian numbers of scale 1: the difference of two exponential ones.</summary>
    internal static Tensor Draw(long[] shape, ScalarType type, Generator generator)
    {
        // One minus a number of [0,1) is never zero.
        Tensor Exponential() => -(1 - rand(shape, ScalarType.Float64, CPU, generator: generator)).log();
        return (Exponential() - Exponential()).to(type);
    }
}
