using Afterimage.Federation;
using Afterimage.Images;

namespace Afterimage.Leakage;

/// <summary>Measures what an update tells of a batch: the truth, for an auditor, or an attacker's own reconstruction.</summary>
[Cites("hannun2021measuring", "zhang2023inversion", "golub2010matrices")]
public sealed record LeakageProbe
{
    /// <summary>Singular values below this share of the largest count as zero.</summary>
    public const double RankTolerance = 1e-10;

    /// <summary>Rounding to 11, 24 and 53 bits of spread-out numbers, relative to their root mean square.</summary>
    public const double Float16 = 2.07e-4, Float32 = 2.53e-8, Float64 = 4.71e-17;

    /// <summary>Pixels of a batch up to which the whole spectrum is computed; beyond, Lanczos brackets it.</summary>
    [Range(1, 100_000)]
    public int Unknowns { get; init; } = 6144;

    /// <summary>Steps of one Lanczos run.</summary>
    [Range(2, 100_000)]
    public int Steps { get; init; } = 160;

    /// <summary>Random starts of Lanczos runs.</summary>
    [Range(1, 10_000)]
    public int Probes { get; init; } = 4;

    /// <summary>The noise for which the map is drawn.</summary>
    [Range(0, 1e9, MinimumIsExclusive = true)]
    public double Noise { get; init; } = 1e-6;

    /// <summary>Deviations of noise to forecast for, beside rounding.</summary>
    [Range(0, 1e9, MinimumIsExclusive = true)]
    public ValueList<double> Noises { get; init; } = Enumerable.Range(0, 17).Select(i => Math.Pow(10, -i / 2.0)).ToValueList();

    /// <summary>Analyzes the update's Jacobian at a batch.</summary>
    /// <param name="context">Model, local training and seed.</param>
    /// <param name="images">The batch at which to measure, in [0,1], shape [B,C,H,W].</param>
    /// <param name="targets">Label probabilities, shape [B,classes].</param>
    /// <param name="prior">What may be known of images; the white prior has its mean variance.</param>
    /// <param name="scale">What noise is measured against.</param>
    /// <param name="cancellation">Stops between two products, with an <see cref="OperationCanceledException"/>.</param>
    public LeakageAnalysis Measure(AttackContext context, Tensor images, Tensor targets, GaussianImages prior, NoiseScale scale,
        CancellationToken cancellation = default)
    {
        Settings.Check(this);
        using var scope = Tidy.Scope();
        using var jacobian = new UpdateJacobian(context, images, targets, scale, cancellation);
        var white = new WhiteImages(prior.Shape, prior.Variance.mean().ToDouble());
        var spectra = jacobian.Unknowns <= Unknowns ? Spectra.Whole(jacobian, white, prior, Noise, context.Random.Derive("leakage"))
            : Spectra.Bracketed(jacobian, white, prior, Noise, Steps, Probes, context.Random.Derive("leakage"));
        return Describe(jacobian, scale, white, prior, spectra);
    }

    private LeakageAnalysis Describe(UpdateJacobian jacobian, NoiseScale scale, WhiteImages white, GaussianImages prior, Spectra spectra)
    {
        var largest = spectra.Singular.Count > 0 ? spectra.Singular[0] : 0;
        int? rank = spectra.Exact ? spectra.Singular.Count(value => value > RankTolerance * largest) : null;
        var noises = Noises.Concat([Noise, Float16, Float32, Float64]).Distinct().OrderDescending();
        var ceilings = new Ceilings(jacobian.Unknowns, jacobian.Shape[0] * prior.Information, rank == jacobian.Unknowns, white, spectra);
        return new()
        {
            Scale = scale,
            Method = spectra.Method,
            Exact = spectra.Exact,
            Unknowns = jacobian.Unknowns,
            Equations = jacobian.Equations,
            Singular = spectra.Singular,
            Rank = rank,
            Condition = rank > 0 ? largest / spectra.Singular[rank.Value - 1] : null,
            Priors = [white.Name, prior.Name],
            Points = noises.Select(noise => Point(noise, jacobian.Unknowns, white, spectra, ceilings)).ToValueList(),
            Noise = Noise,
            Map = spectra.Map,
            Images = spectra.Images.Select(left => new Interval(Decibels(left.Low), Decibels(left.High))).ToValueList(),
            Spread = spectra.Spread,
        };
    }

    private static LeakagePoint Point(double noise, long unknowns, WhiteImages white, Spectra spectra, Ceilings ceilings) => new(
        noise,
        Range(spectra.White.Remaining(noise), remaining => unknowns - remaining / white.PixelVariance),
        Range(spectra.White.Remaining(noise), remaining => Decibels(remaining / unknowns)),
        Range(spectra.Image.Remaining(noise), remaining => Decibels(remaining / unknowns)),
        ceilings.At(noise));

    private static Interval Range((double Least, double Most) remaining, Func<double, double> value) =>
        new(value(remaining.Most), value(remaining.Least));

    internal static double Decibels(double meanSquaredError) => -10 * Math.Log10(meanSquaredError);
}
