using Afterimage.Audit.Cases;
using Afterimage.LabelRecovery;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Audit.Measurements;

/// <summary>The labels behind the update of every case, without an attack on its images.</summary>
public sealed record LabelReading : Measurement<ValueList<LabelsRead>>
{
    /// <summary>The rule that reads the labels.</summary>
    public LabelRule Rule { get; init; } = new RefinedCounts();

    /// <inheritdoc/>
    public override CaseResult Measure(OpenCase opened, Action<AuditEvent> publish, CancellationToken cancellation)
    {
        opened.Context.Say("recovers the labels");
        var labels = LabelSection.Recover(opened.Context, Rule, opened.Round);
        return new LabelsRead(opened.Case.Id, opened.Case.Name, labels, opened.Effort.Seconds);
    }

    /// <inheritdoc/>
    public override ValueList<LabelsRead> Conclude(AuditReport header, IReadOnlyList<CaseResult> results, RunOptions options) =>
        results.Cast<LabelsRead>().ToValueList();
}
