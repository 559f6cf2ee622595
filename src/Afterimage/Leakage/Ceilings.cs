using Afterimage.Images;

namespace Afterimage.Leakage;

/// <summary>Evaluates the bounds of one batch at any noise.</summary>
internal sealed class Ceilings(long unknowns, double priorInformation, bool fullRank, WhiteImages white, Spectra spectra)
{
    public LeakageCeilings At(double noise)
    {
        var squared = noise * noise;
        var largest = spectra.Singular.Count > 0 ? spectra.Singular[0] * spectra.Singular[0] : 0;
        // The white measure holds the pixel variance times each squared singular value, with the pixel variance as weight.
        var trace = spectra.White.Optimistic.Trace() / (white.PixelVariance * white.PixelVariance);
        double? unbiased = fullRank ? LeakageProbe.Decibels(spectra.Singular.Sum(value => squared / (value * value)) / unknowns) : null;
        return new(
            unbiased,
            LeakageProbe.Decibels(unknowns * squared / trace),
            LeakageProbe.Decibels(unknowns / (trace / squared + priorInformation)),
            LeakageProbe.Decibels(squared * trace / (unknowns * largest * largest)),
            Math.Sqrt(largest) / noise);
    }
}
