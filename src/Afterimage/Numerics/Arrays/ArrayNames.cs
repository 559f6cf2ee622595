using System.Globalization;

namespace Afterimage.Numerics.Arrays;

/// <summary>What the names of arrays say about their places in a model.</summary>
internal static class ArrayNames
{
    /// <summary>
    /// What wrappers put in front of every parameter's name: PEFT, DataParallel, torch.compile, Opacus, Lightning
    /// and the like.
    /// </summary>
    private static readonly string[] Wrappers = ["base_model.model.", "module.", "_orig_mod.", "_module.", "model.", "net."];

    /// <summary>The place that numpy.savez gives an array without a name (arr_3 is 3), or null for a real name.</summary>
    public static int? Position(string name) =>
        name.StartsWith("arr_", StringComparison.Ordinal)
        && int.TryParse(name.AsSpan(4), NumberStyles.None, CultureInfo.InvariantCulture, out var place) ? place : null;

    public static bool AreNameless(IReadOnlyList<NamedArray> arrays) =>
        arrays.Count > 0 && arrays.All(array => Position(array.Name) is not null);

    public static IReadOnlyList<NamedArray> InOrder(IReadOnlyList<NamedArray> arrays) =>
        AreNameless(arrays) ? [.. arrays.OrderBy(array => Position(array.Name))] : arrays;

    /// <summary>Takes away every wrapper's prefix that all names share.</summary>
    public static string[] WithoutWrappers(IEnumerable<string> names)
    {
        string[] bare = [.. names.Select(WithoutAdapterName)];
        while (bare.Length > 0
            && Wrappers.FirstOrDefault(wrapper => bare.All(name => name.StartsWith(wrapper, StringComparison.Ordinal))) is { } shared)
            bare = Array.ConvertAll(bare, name => name[shared.Length..]);
        return bare;
    }

    /// <summary>Whether a name is that of a LoRA factor, as PEFT writes it.</summary>
    public static bool IsLowRankFactor(string name) =>
        name.Contains(".lora_A.", StringComparison.Ordinal) || name.Contains(".lora_B.", StringComparison.Ordinal);

    /// <summary>PEFT's files leave out the name of the adapter, which its models have: fc.lora_A.default.weight.</summary>
    private static string WithoutAdapterName(string name) =>
        IsLowRankFactor(name) ? name.Replace(".default.", ".", StringComparison.Ordinal) : name;

    /// <summary>BatchNorm's step counter: in every state dict, of no use to an attack.</summary>
    public static bool IsStepCounter(string name) => name.EndsWith("num_batches_tracked", StringComparison.Ordinal);
}
