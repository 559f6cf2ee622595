using System.Globalization;
using Afterimage.Federation;

namespace Afterimage.Privacy;

/// <summary>The privacy filters of NVFlare as configured.</summary>
public static class FilterClaim
{
    /// <summary>
    /// SVTPrivacy: the threshold costs its epsilon e, the choice of n numbers e (2n)^(2/3), and n answers with noise of scale 2 gamma / v
    /// cost n v, where v is the setting that is called a variance (Lyu, Su and Li, 2017).
    /// </summary>
    /// <param name="filter">As configured.</param>
    /// <param name="parameters">Numbers of the model.</param>
    /// <param name="rounds">Rounds in which the client takes part.</param>
    public static PrivacyStatement Of(SvtPrivacy filter, long parameters, int rounds)
    {
        Settings.Check(filter);
        if (parameters < 1 || rounds < 1)
            throw new AfterimageException("SVTPrivacy is judged for at least one parameter and one round: give both as numbers from 1 on.");
        var upload = Math.Ceiling(filter.Fraction * parameters);
        var (claimed, answers) = (filter.Epsilon, upload * filter.NoiseVariance);
        var choice = (claimed ?? 0) * Math.Pow(2 * upload, 2.0 / 3);
        var total = claimed is { } epsilon ? rounds * (epsilon + choice + answers) : double.PositiveInfinity;
        var findings = new List<string>
        {
            string.Create(CultureInfo.InvariantCulture,
                $"The epsilon of {claimed ?? 0:G3} is that of the threshold alone: the choice of {upload:N0} " +
                $"numbers costs {choice:G4} and their values {answers:G4}."),
            "It stops at no number of accepted values, so that the proof of the technique does not cover it: the sum is a lower estimate.",
        };
        if (filter.AsReleased)
            findings.Add("As released it draws the accepted numbers with replacement and sends those that were not drawn as they are, " +
                "without noise and uncut: no epsilon holds.");
        return new($"NVFlare's SVTPrivacy on {parameters:N0} parameters", claimed, filter.AsReleased ? double.PositiveInfinity : total, 0,
            filter.AsReleased ? 0 : double.NaN, 1, rounds, "any two updates of one client", findings.ToValueList());
    }

    /// <summary>PercentilePrivacy: no random number is drawn, so that no epsilon holds.</summary>
    public static PrivacyStatement Of(PercentilePrivacy filter)
    {
        Settings.Check(filter);
        return new(string.Create(CultureInfo.InvariantCulture,
            $"NVFlare's PercentilePrivacy at percentile {filter.Percentile:G4} and gamma " +
                $"{filter.Gamma ?? 0:G3}"), null, double.PositiveInfinity, 0, 0, 1, 1, "any two updates of one client",
            ["It draws no random number: cutting and zeroing are no differential privacy, at no setting."]);
    }
}
