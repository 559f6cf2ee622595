using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

/// <summary>Labels are unknowns of the search, as soft labels beside the pixels (Zhu, Liu and Han, 2019).</summary>
[Cites("zhu2019deep")]
public sealed record Joint : LabelRule
{
    /// <inheritdoc/>
    public override Labels Recover(AttackContext context)
    {
        var batch = context.Observation.BatchSize;
        return new(new int[batch].ToValueList(), Enumerable.Repeat(1.0 / context.Model.Classes, batch).ToValueList(), Refine: true);
    }
}
