using Afterimage.Audit.Clients;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Audit.Measurements;

/// <summary>What an update says of the labels, as plain data, whatever attack follows.</summary>
internal static class LabelSection
{
    /// <summary>A class that is not in the batch with less confidence is listed all the same.</summary>
    private const double Sure = 0.9;

    /// <summary>By a rule; where it counts nothing or refuses, by the refined counts; where these refuse too, the reason alone.</summary>
    public static LabelReport Of(AttackContext context, LabelRule rule, ClientRound round)
    {
        var first = Recover(context, rule, round);
        return first.Classes.IsEmpty && rule is not RefinedCounts
            ? Recover(context, new RefinedCounts(), round) is { Classes.IsEmpty: false } second
                ? second with { Reasons = [.. rule is Given or Joint ? [] : first.Reasons, .. second.Reasons] } : first
            : first;
    }

    /// <summary>By this rule alone.</summary>
    public static LabelReport Recover(AttackContext context, LabelRule rule, ClientRound round)
    {
        var report = new LabelReport
        {
            Rule = Catalog.Kind(rule.GetType()),
            BatchSize = context.Observation.BatchSize,
            BatchSizeConfidence = context.Observation.Estimate?.Confidence,
        };
        ValueList<string> estimated = context.Observation.Estimate is { } estimate ? [estimate.Reason] : [];
        try
        {
            var found = rule.Recover(context);
            var counts = found.Counts.Select(count => new LabelCount(round.ClassNames[count.Class], count.Count, count.Confidence,
                round.Truth?.Labels.Count(label => label == count.Class)));
            return report with
            {
                Classes = [.. counts.Where(count => count.Count > 0 || count.TrueCount > 0 || count.Confidence < Sure)],
                Reasons = [.. estimated, .. found.Reasons],
            };
        }
        catch (AfterimageException refusal)
        {
            return report with { Reasons = [.. estimated, refusal.Message] };
        }
    }
}
