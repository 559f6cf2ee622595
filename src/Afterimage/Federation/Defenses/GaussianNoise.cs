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
    public override GradientSet Protect(GradientSet update, RandomSource random)
    {
        Settings.Check(this);
        if (Relative == 0 && Absolute == 0)
            return update;
        using var generator = random.Derive("noise").Generator(CPU);
        Tensor Noise(Tensor part) => randn(part.shape, part.dtype, CPU, generator: generator).to(part.device);
        Tensor Deviation(Tensor part) => Absolute == 0 ? Relative * part.square().mean().sqrt()
            : (Relative * Relative * part.square().mean() + Absolute * Absolute).sqrt();
        return GradientSet.Gather(update.Layout, [.. update.Split().Select(part => part + Deviation(part) * Noise(part))]);
    }

    /// <inheritdoc/>
    public override Channel Known()
    {
        Settings.Check(this);
        return Relative == 0 && Absolute == 0 ? Channel.None : new Noisy(Relative, Absolute);
    }

    private sealed class Noisy(double relative, double absolute) : Channel
    {
        public override ChannelEffects Effects => ChannelEffects.Noise;

        public override string Description =>
            FormattableString.Invariant($"with Gaussian noise of {Strength}, a strength that everyone knows");

        private FormattableString Strength => absolute == 0 ? $"{relative:G3} of each tensor's root mean square"
            : relative == 0 ? $"deviation {absolute:G3}"
            : (FormattableString)$"{relative:G3} of each tensor's root mean square and of deviation {absolute:G3}";

        public override double Deviation(GradientSet sent, int tensor)
        {
            using var scope = Tidy.Scope();
            var square = relative == 0 ? 0 : relative * relative * sent[tensor].to(ScalarType.Float64).square().mean().ToDouble();
            return Math.Sqrt(square + absolute * absolute);
        }

        public override double Floor(GradientSet sent)
        {
            // Relative noise is relative to the update without it; independent squares add.
            var own = relative / Math.Sqrt(1 + relative * relative);
            var common = absolute == 0 ? 0 : absolute * Math.Sqrt(sent.Layout.Count) / sent.Norm();
            return Math.Min(1, Math.Sqrt(own * own + common * common));
        }
    }
}
