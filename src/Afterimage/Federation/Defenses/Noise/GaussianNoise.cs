using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>Independent Gaussian noise on every number of the update.</summary>
public sealed record GaussianNoise : Defense
{
    /// <summary>Deviation relative to the root mean square of each parameter tensor's update; at least 0.</summary>
    [Range(0, 1e9)]
    public double Relative { get; init; }

    /// <summary>Deviation in the units of the update, the same for every number; at least 0.</summary>
    [Range(0, 1e9)]
    public double Absolute { get; init; }

    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null)
    {
        Settings.Check(this);
        if (Relative == 0 && Absolute == 0)
            return update;
        using var generator = random.Derive("noise").Generator(CPU);
        return NoiseChannel.Add(update, Relative, Absolute, part => randn(part.shape, part.dtype, CPU, generator: generator));
    }

    /// <inheritdoc/>
    public override Channel Known(VictimModel? model = null)
    {
        Settings.Check(this);
        return Relative == 0 && Absolute == 0 ? Channel.None : new NoiseChannel("Gaussian", Relative, Absolute);
    }
}
