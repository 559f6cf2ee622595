using System.Collections.Immutable;
using System.Globalization;
using Afterimage.Reports;

namespace Afterimage.Server.Runs;

/// <summary>A sentence on what happened.</summary>
/// <param name="At">Seconds since the run started.</param>
/// <param name="Text">The sentence.</param>
internal sealed record LogLine(double At, string Text);

/// <summary>What happened in a run, in words; the last lines of it.</summary>
internal static class RunLog
{
    private const int Kept = 200;

    public static ImmutableArray<LogLine> Add(ImmutableArray<LogLine> log, AuditEvent next, string? caseName) =>
        Say(next, caseName) is not { } text ? log
            : (log.Length < Kept ? log : log.RemoveAt(0)).Add(new(next.At, text));

    private static string? Say(AuditEvent next, string? name) => next switch
    {
        AuditStarted started => started.CaseIds.Length == 1 ? "The run began, with one case."
            : $"The run began, with {started.CaseIds.Length} cases.",
        CaseStarted started => $"Began with {started.Name}.",
        PhaseSeen phase => $"{Capital(name ?? "a case")}: {phase.Name}.",
        CaseFinished { Report: var found } => $"{Capital(found.Name)}: {found.Ending.ToLowerInvariant()} after " +
            $"{Seconds(found.Cost.Seconds)}{Recovered(found)}. {found.Verdict.Sentence}",
        CaseResult ended => $"{Capital(name ?? "a case")} ended after {Seconds(ended.Seconds)}.",
        AuditFinished => "The run ended, and its report is written.",
        _ => null,
    };

    private static string Recovered(CaseReport found)
    {
        if (found.Images.IsEmpty)
            return "";
        var labels = found.Images.Take(4).Select(image =>
            $"{image.RecoveredLabel} ({image.Confidence.ToString("P0", CultureInfo.InvariantCulture)} sure)");
        var more = found.Images.Length > 4 ? $" and {found.Images.Length - 4} more" : "";
        return $"; labels recovered: {string.Join(", ", labels)}{more}";
    }

    private static string Seconds(double seconds) => seconds < 90
        ? string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0} s")
        : string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:0.0} min");

    private static string Capital(string text) => text.Length == 0 ? text : char.ToUpperInvariant(text[0]) + text[1..];
}
