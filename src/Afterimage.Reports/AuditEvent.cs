using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Afterimage.Reports;

/// <summary>
/// Something that happened during an audit: a line of events.jsonl, and what every view is computed from. Events come in order;
/// iterates and phases may be dropped, nothing else may.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "event")]
[JsonDerivedType(typeof(AuditStarted), "audit-started")]
[JsonDerivedType(typeof(CaseStarted), "case-started")]
[JsonDerivedType(typeof(PhaseSeen), "phase")]
[JsonDerivedType(typeof(IterateSeen), "iterate")]
[JsonDerivedType(typeof(CaseFinished), "case-finished")]
[JsonDerivedType(typeof(LeakageMeasured), "leakage-measured")]
[JsonDerivedType(typeof(LabelsRead), "labels-read")]
[JsonDerivedType(typeof(AuditFinished), "audit-finished")]
public abstract record AuditEvent
{
    /// <summary>Seconds since the audit started.</summary>
    public double At { get; init; }
}

/// <summary>An audit began, or was resumed.</summary>
/// <param name="Header">The report without cases and verdict.</param>
/// <param name="CaseIds">Every case of the audit, in order.</param>
public sealed record AuditStarted(AuditReport Header, ImmutableArray<CaseTitle> CaseIds) : AuditEvent;

/// <summary>What identifies a case.</summary>
/// <param name="Id">SHA-256 of the canonical configuration, in hexadecimal.</param>
/// <param name="Name">Its name for people.</param>
public sealed record CaseTitle(string Id, string Name);

/// <summary>A case began.</summary>
/// <param name="Id">The case.</param>
/// <param name="Name">Its name for people.</param>
/// <param name="Budget">The largest number of evaluations that the case may use; 0 where it is unknown.</param>
/// <param name="Seconds">The wall time that its attack may take; null for as long as it takes.</param>
public sealed record CaseStarted(string Id, string Name, int Budget, double? Seconds = null) : AuditEvent;

/// <summary>A case is at something, or further on with it.</summary>
/// <param name="Id">The case.</param>
/// <param name="Name">A few words, such as "trains the client"; another name is the next phase.</param>
/// <param name="Done">Units of the phase that are done.</param>
/// <param name="Of">Units of the phase; 0 where nobody counts them.</param>
/// <param name="Unit">What is counted, in the plural; empty where nothing is.</param>
public sealed record PhaseSeen(string Id, string Name, long Done = 0, long Of = 0, string Unit = "") : AuditEvent;

/// <summary>An attack evaluated its objective.</summary>
/// <param name="Id">The case.</param>
/// <param name="Restart">The restart, from 0.</param>
/// <param name="Iteration">The iteration of this restart.</param>
/// <param name="Evaluations">Evaluations of the case so far.</param>
/// <param name="Objective">The value of the objective.</param>
/// <param name="Thumbnail">The current reconstruction of the first images, or null.</param>
public sealed record IterateSeen(string Id, int Restart, int Iteration, int Evaluations, double Objective, Thumbnail? Thumbnail = null)
    : AuditEvent;

/// <summary>A small strip of pictures; it is not written to the journal.</summary>
/// <param name="Width">Width in pixels.</param>
/// <param name="Height">Height in pixels.</param>
/// <param name="Rgb">Red, green, blue for each pixel, row by row.</param>
public sealed record Thumbnail(int Width, int Height, byte[] Rgb);

/// <summary>The end of a case, with what was measured.</summary>
public abstract record CaseResult : AuditEvent
{
    /// <summary>The identity of the case.</summary>
    [JsonIgnore]
    public abstract string CaseId { get; }

    /// <summary>Wall-clock time of the case.</summary>
    [JsonIgnore]
    public abstract double Seconds { get; }
}

/// <summary>A case was attacked and judged.</summary>
/// <param name="Report">Its results.</param>
public sealed record CaseFinished(CaseReport Report) : CaseResult
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override string CaseId => Report.Id;

    /// <inheritdoc/>
    [JsonIgnore]
    public override double Seconds => Report.Cost.Seconds;
}

/// <summary>The leakage of a case was analyzed.</summary>
/// <param name="Id">The case.</param>
/// <param name="Case">Its analysis.</param>
/// <param name="Prior">The prior on images of the forecast "knowing images".</param>
public sealed record LeakageMeasured(string Id, LeakageCase Case, string Prior) : CaseResult
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override string CaseId => Id;

    /// <inheritdoc/>
    [JsonIgnore]
    public override double Seconds => Case.Seconds;
}

/// <summary>The labels of a case were read from its update.</summary>
/// <param name="Id">The case.</param>
/// <param name="Name">Its name for people.</param>
/// <param name="Labels">The labels.</param>
/// <param name="Took">Wall-clock time in seconds.</param>
public sealed record LabelsRead(string Id, string Name, LabelReport Labels, double Took) : CaseResult
{
    /// <inheritdoc/>
    [JsonIgnore]
    public override string CaseId => Id;

    /// <inheritdoc/>
    [JsonIgnore]
    public override double Seconds => Took;
}

/// <summary>An audit ended.</summary>
/// <param name="Report">Its results.</param>
public sealed record AuditFinished(AuditReport Report) : AuditEvent;
