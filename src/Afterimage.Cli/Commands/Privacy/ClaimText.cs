using System.Globalization;
using Afterimage.Federation;
using Afterimage.Numerics;
using Afterimage.Privacy;

namespace Afterimage.Cli.Commands;

/// <summary>Reads settings such as "clipping=1 epsilon=10".</summary>
internal static class ClaimText
{
    public static LocalDpClaim LocalDp(string text, int rounds)
    {
        var fields = Fields("--flower-local-dp", text, "clipping", "sensitivity", "epsilon", "delta");
        var plain = new LocalDp();
        return new()
        {
            Rounds = rounds,
            Mod = new()
            {
                ClippingNorm = fields.GetValueOrDefault("clipping", plain.ClippingNorm ?? 1),
                Sensitivity = fields.GetValueOrDefault("sensitivity", plain.Sensitivity),
                Epsilon = fields.GetValueOrDefault("epsilon", plain.Epsilon),
                Delta = fields.GetValueOrDefault("delta", plain.Delta),
            },
        };
    }

    public static PrivacyStatement Svt(string text, int rounds)
    {
        var fields = Fields("--nvflare-svt", text, "fraction", "epsilon", "noise", "gamma", "parameters", "released");
        var plain = new SvtPrivacy();
        return FilterClaim.Of(new SvtPrivacy
        {
            Fraction = fields.GetValueOrDefault("fraction", plain.Fraction),
            Epsilon = fields.GetValueOrDefault("epsilon", plain.Epsilon ?? 0.1),
            NoiseVariance = fields.GetValueOrDefault("noise", plain.NoiseVariance),
            Gamma = fields.GetValueOrDefault("gamma", plain.Gamma),
            AsReleased = fields.GetValueOrDefault("released", 1) != 0,
        }, (long)fields.GetValueOrDefault("parameters", 1_000_000), rounds);
    }

    public static PrivacyStatement Percentile(string text)
    {
        var fields = Fields("--nvflare-percentile", text, "percentile", "gamma");
        var plain = new PercentilePrivacy();
        return FilterClaim.Of(new PercentilePrivacy
        {
            Percentile = fields.GetValueOrDefault("percentile", plain.Percentile),
            Gamma = fields.GetValueOrDefault("gamma", plain.Gamma ?? 0.01),
        });
    }

    public static EmpiricalEpsilon Identified(string text, int pool, double delta) => text.Split('/') is [var found, var of]
        && int.TryParse(found, NumberStyles.None, CultureInfo.InvariantCulture, out var hits)
        && int.TryParse(of, NumberStyles.None, CultureInfo.InvariantCulture, out var all)
            ? EmpiricalEpsilon.Of(hits, all, pool, delta)
            : throw new AfterimageException($"--identified \"{text}\" is no rate: write how many images were found " +
                "of how many, such as 9/10.");

    private static Dictionary<string, double> Fields(string flag, string text, params string[] names)
    {
        var fields = new Dictionary<string, double>();
        foreach (var item in text.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (item.Split('=') is not [var name, var value] || !names.Contains(name))
                throw new AfterimageException($"{flag} has \"{item}\": write {string.Join("=, ", names)}=, each with a number.");
            fields[name] = value switch
            {
                "yes" when name == "released" => 1,
                "no" when name == "released" => 0,
                _ => double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
                    ? number
                    : throw new AfterimageException($"{flag} has \"{item}\", which is no number."),
            };
        }
        return fields;
    }
}
