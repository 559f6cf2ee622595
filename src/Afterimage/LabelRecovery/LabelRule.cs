using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

/// <summary>How an attack comes by the labels of the batch.</summary>
public abstract record LabelRule
{
    /// <summary>Reads the labels of a round.</summary>
    /// <exception cref="AfterimageException">The update cannot tell, or the threat model does not reveal what the rule needs.</exception>
    public abstract Labels Recover(AttackContext context);
}
