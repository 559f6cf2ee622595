using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

/// <summary>The labels that the threat model reveals.</summary>
public sealed record Given : LabelRule
{
    /// <inheritdoc/>
    public override Labels Recover(AttackContext context) => context.Observation.Labels is { } labels
        ? new(labels, Enumerable.Repeat(1.0, labels.Count).ToValueList())
        : throw new AfterimageException("The attack is set to given labels, but the threat model does not reveal them: " +
            "reveal the labels, or recover them (\"refined-counts\").");
}
