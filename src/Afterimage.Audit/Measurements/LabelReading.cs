using Afterimage.LabelRecovery;
using Afterimage.Audit.Cases;
using Afterimage.Federation;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Audit.Measurements;

/// <summary>The labels behind the update of a case, without an attack on its images.</summary>
public static class LabelReading
{
    /// <exception cref="AfterimageException">The client's data, model and update do not fit together.</exception>
    public static LabelReport Of(Case one, LabelRule rule)
    {
        using var scope = Tidy.Scope();
        var random = new RandomSource(one.Configuration.Seed);
        using var round = one.Configuration.Client.Open(one.Configuration.Model, one.Trial, random, CPU);
        var derived = random.Derive("attack", one.Trial);
        using var context = new AttackContext
        {
            Model = round.Model,
            Observation = one.Configuration.Threat.Reveal(round).Completed(round.Model),
            Random = derived,
        };
        return LabelSection.Recover(context, rule, round);
    }
}
