using System.Text.Json.Nodes;

namespace Afterimage.Audit.Cases;

/// <summary>One setting of a listed case.</summary>
/// <param name="Pointer">A JSON pointer into the experiment, for example "/client/batchSize".</param>
/// <param name="Value">The value, as JSON; null takes the member away.</param>
public sealed record Setting(string Pointer, JsonNode? Value)
{
    /// <inheritdoc/>
    public bool Equals(Setting? other) =>
        other is not null && Pointer == other.Pointer && JsonNode.DeepEquals(Value, other.Value);

    /// <inheritdoc/>
    public override int GetHashCode() => Pointer.GetHashCode(StringComparison.Ordinal);
}
