using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// The filter SVTPrivacy of NVFlare, a sparse vector technique (Lyu, Su and Li, 2017): numbers of the update divided by its local steps
/// whose magnitude with Laplacian noise exceeds a noisy threshold are sent, cut at a magnitude, with Laplacian noise of their own. As
/// released, numbers that were accepted are drawn with replacement, so that some of them are sent without any noise.
/// </summary>
[Cites("lyu2017understanding")]
public sealed record SvtPrivacy : Defense
{
    /// <summary>The share of the numbers that is sent, in (0,1]; shipped as 0.1.</summary>
    [Range(0, 1, MinimumIsExclusive = true)]
    public double Fraction { get; init; } = 0.1;

    /// <summary>The epsilon of the threshold, shipped as 0.1; null switches the filter off.</summary>
    [Range(0, 1e9, MinimumIsExclusive = true)]
    public double? Epsilon { get; init; } = 0.1;

    /// <summary>What the filter calls the variance of its noise and uses as the epsilon of what is sent; shipped as 0.1.</summary>
    [Range(0, 1e9, MinimumIsExclusive = true)]
    public double NoiseVariance { get; init; } = 0.1;

    /// <summary>The largest magnitude that is sent for each local step; shipped as 1e-5.</summary>
    [Range(0, 1e30, MinimumIsExclusive = true)]
    public double Gamma { get; init; } = 1e-5;

    /// <summary>The threshold without noise; shipped as 1e-6.</summary>
    [Range(0, 1e30)]
    public double Tau { get; init; } = 1e-6;

    /// <summary>Local steps of the round, by which the update is divided before it is compared.</summary>
    [Range(1, 1_000_000)]
    public int Steps { get; init; } = 1;

    /// <summary>
    /// Whether accepted numbers are drawn with replacement, which sends some of them without noise, as the released filter does.
    /// </summary>
    public bool AsReleased { get; init; } = true;

    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null)
    {
        Settings.Check(this);
        if (Epsilon is not { } epsilon)
            return update;
        var values = (update.Flat.to(ScalarType.Float64).cpu() / Steps).data<double>().ToArray();
        var (draw, upload) = (random.Derive("svt").Managed(), (int)Math.Ceiling(Fraction * values.Length));
        var threshold = Tau + Laplace(draw, 2 * Gamma / epsilon);
        var query = 4 * Gamma * upload / (epsilon * Math.Pow(2.0 * upload, 2.0 / 3));
        var (accepted, left) = (new List<int>(), Enumerable.Range(0, values.Length).ToList());
        while (accepted.Count < upload)
        {
            var above = left.Select(i => Math.Min(Math.Abs(values[i]), Gamma) + Laplace(draw, query) >= threshold).ToArray();
            accepted.AddRange(left.Where((_, place) => above[place]));
            left = [.. left.Where((_, place) => !above[place])];
        }
        var sent = new double[values.Length];
        if (AsReleased)
            accepted.ForEach(i => sent[i] = values[i]);
        var chosen = AsReleased ? [.. Enumerable.Range(0, upload).Select(_ => accepted[draw.Next(accepted.Count)])] : accepted.ToArray();
        if (!AsReleased)
            draw.Shuffle(chosen);
        foreach (var i in chosen.Take(upload))
            sent[i] = Math.Clamp(values[i] + Laplace(draw, 2 * Gamma / NoiseVariance), -Gamma, Gamma);
        return new(update.Layout, (tensor(sent) * Steps).to(update.Flat.dtype).to(update.Flat.device));
    }

    /// <inheritdoc/>
    public override Channel Known(VictimModel? model = null)
    {
        Settings.Check(this);
        return Epsilon is null ? Channel.None : new Sparse(Gamma * Steps, AsReleased);
    }

    private static double Laplace(Random draw, double scale)
    {
        var u = draw.NextDouble() - 0.5;
        return -scale * Math.Sign(u) * Math.Log(Math.Max(1e-300, 1 - 2 * Math.Abs(u)));
    }

    /// <summary>Numbers within the cut carry noise as large as it; as released, numbers beyond it are the client's own.</summary>
    private sealed class Sparse(double bound, bool released) : Channel
    {
        public override ChannelEffects Effects => ChannelEffects.Missing | (released ? ChannelEffects.None : ChannelEffects.Noise);

        public override string Description => FormattableString.Invariant(
            $"of which a sparse vector technique chose numbers and cut them at {bound:G3}") +
            (released ? ", with others that it left without noise" : "");

        public override Tensor? Mask(GradientSet sent) => (released ? sent.Flat.abs().gt(bound) : sent.Flat.ne(0)).to(sent.Flat.dtype);

        public override double Deviation(GradientSet sent, int tensor) => released ? 0 : bound;

        public override bool Lacks(GradientSet sent, int tensor) => !released || !sent[tensor].abs().gt(bound).any().ToBoolean();

        // Noise fills the whole range: nothing of the numbers is left.
        public override double Floor(GradientSet sent) => released ? 0 : 1;
    }
}
