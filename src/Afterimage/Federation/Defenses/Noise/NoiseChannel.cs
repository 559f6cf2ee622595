namespace Afterimage.Federation;

/// <summary>The way of an update with independent noise of mean zero on every number.</summary>
/// <param name="kind">Its distribution, as words begin.</param>
/// <param name="relative">Deviation in units of each tensor's root mean square.</param>
/// <param name="absolute">Deviation in the units of the update; independent parts add as squares.</param>
internal sealed class NoiseChannel(string kind, double relative, double absolute) : Channel
{
    public override ChannelEffects Effects => ChannelEffects.Noise;

    public override string Description =>
        FormattableString.Invariant($"with {kind} noise of {Strength}, a strength that everyone knows");

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

    /// <summary>An update with noise.</summary>
    /// <param name="draw">Independent numbers of deviation 1 in the shape of a tensor.</param>
    public static GradientSet Add(GradientSet update, double relative, double absolute, Func<Tensor, Tensor> draw)
    {
        Tensor Deviation(Tensor part) => absolute == 0 ? relative * part.square().mean().sqrt()
            : (relative * relative * part.square().mean() + absolute * absolute).sqrt();
        return GradientSet.Gather(update.Layout,
            [.. update.Split().Select(part => part + Deviation(part) * draw(part).to(part.device))]);
    }
}
