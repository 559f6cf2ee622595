namespace Afterimage.Federation;

/// <summary>
/// A weight difference that was formed from weights: each carries the rounding of the weight after training to the format in which it
/// was sent, which is much coarser than the difference itself.
/// </summary>
/// <param name="format">The format's name.</param>
/// <param name="deviations">Standard deviation of the rounding of one number, for each parameter tensor.</param>
public sealed class WeightRounding(string format, ValueList<double> deviations) : Channel
{
    /// <inheritdoc/>
    public override ChannelEffects Effects => ChannelEffects.Rounding;

    /// <inheritdoc/>
    public override string Description => $"as weights of {format} show it";

    /// <inheritdoc/>
    public override double Deviation(GradientSet sent, int tensor) => deviations[tensor];

    /// <inheritdoc/>
    public override double Floor(GradientSet sent) => Math.Min(1,
        Math.Sqrt(sent.Layout.Entries.Select((entry, i) => entry.Count * Math.Pow(deviations[i], 2)).Sum()) / sent.Norm());
}
