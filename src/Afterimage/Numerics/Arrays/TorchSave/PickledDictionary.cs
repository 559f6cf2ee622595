namespace Afterimage.Numerics.Arrays.TorchSave;

/// <summary>A dictionary as the pickle fills it: pairs in order, of which a later one replaces an earlier one of the same key.</summary>
internal sealed class PickledDictionary
{
    public List<(object? Key, object? Value)> Items { get; } = [];

    /// <summary>The entries whose keys are text.</summary>
    public OrderedDictionary<string, object?> Named()
    {
        var named = new OrderedDictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (key, value) in Items)
            if (key is string name)
                named[name] = value;
        return named;
    }
}
