using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Afterimage.Reports;

/// <summary>
/// What happens during an audit, in order: the lines of events.jsonl and the feed of every view. Iterates may be dropped;
/// nothing else may.
/// </summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "event")]
[JsonDerivedType(typeof(AuditStarted), "audit-started")]
[JsonDerivedType(typeof(CaseStarted), "case-started")]
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

/// <param name="Header">The report without cases and verdict.</param>
/// <param name="CaseIds">Every case of the audit in order, with its name.</param>
public sealed record AuditStarted(AuditReport Header, ImmutableArray<CaseTitle> CaseIds) : AuditEvent;

public sealed record CaseTitle(string Id, string Name);

/// <param name="Budget">Evaluations that the case may use at most; 0 when unknown.</param>
public sealed record CaseStarted(string Id, string Name, int Budget) : AuditEvent;

/// <param name="Thumbnail">The current reconstruction of the first images, or null.</param>
public sealed record IterateSeen(string Id, int Restart, int Iteration, int Evaluations, double Objective, Thumbnail? Thumbnail = null)
    : AuditEvent;

/// <summary>A small picture strip as RGB bytes, row by row; not journaled.</summary>
public sealed record Thumbnail(int Width, int Height, byte[] Rgb);

/// <summary>The end of a case, with what was measured.</summary>
public abstract record CaseResult : AuditEvent
{
    [JsonIgnore]
    public abstract string CaseId { get; }

    /// <summary>What it took on the clock.</summary>
    [JsonIgnore]
    public abstract double Seconds { get; }
}

/// <param name="Report">The case as it was attacked and judged.</param>
public sealed record CaseFinished(CaseReport Report) : CaseResult
{
    [JsonIgnore]
    public override string CaseId => Report.Id;

    [JsonIgnore]
    public override double Seconds => Report.Cost.Seconds;
}

/// <param name="Case">What the update tells of its batch.</param>
/// <param name="Prior">What the second forecast knows of images.</param>
public sealed record LeakageMeasured(string Id, LeakageCase Case, string Prior) : CaseResult
{
    [JsonIgnore]
    public override string CaseId => Id;

    [JsonIgnore]
    public override double Seconds => Case.Seconds;
}

/// <param name="Labels">What the update says of the labels.</param>
/// <param name="Took">Wall-clock seconds.</param>
public sealed record LabelsRead(string Id, string Name, LabelReport Labels, double Took) : CaseResult
{
    [JsonIgnore]
    public override string CaseId => Id;

    [JsonIgnore]
    public override double Seconds => Took;
}

public sealed record AuditFinished(AuditReport Report) : AuditEvent;
