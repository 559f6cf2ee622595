namespace Afterimage.Audit.Clients;

/// <summary>Which labels the images of a batch have.</summary>
public enum LabelMix
{
    /// <summary>As they come.</summary>
    Any,

    /// <summary>No label twice.</summary>
    Distinct,

    /// <summary>All of one class.</summary>
    Same,

    /// <summary>Every class as often as any other, or once more.</summary>
    Balanced,

    /// <summary>Half of the batch of one class, a quarter of a second, the rest of a third.</summary>
    Repeated,
}

internal static class LabelMixes
{
    public static string Words(this LabelMix mix) => mix switch
    {
        LabelMix.Same => "equal",
        var other => other.ToString().ToLowerInvariant(),
    };

    /// <summary>The class of every image of a batch, or null where it does not matter; a batch that cannot be asks for class -1.</summary>
    /// <param name="labels">Of the images that are left, in the order in which they are taken.</param>
    public static int[]? Wanted(this LabelMix mix, int batch, IEnumerable<int> labels)
    {
        if (mix == LabelMix.Any)
            return null;
        if (mix == LabelMix.Same)
            return [.. Enumerable.Repeat(labels.First(), batch)];
        if (mix == LabelMix.Repeated)
        {
            var few = labels.Distinct().Take(3).ToArray();
            int Class(int i) => i < (batch + 1) / 2 ? 0 : i < (3 * batch + 3) / 4 ? 1 : 2;
            return [.. Enumerable.Range(0, batch).Select(i => few[Math.Min(few.Length - 1, Class(i))])];
        }
        var all = labels.Distinct().ToArray();
        return [.. Enumerable.Range(0, batch).Select(i => mix == LabelMix.Balanced ? all[i % all.Length] : i < all.Length ? all[i] : -1)];
    }
}
