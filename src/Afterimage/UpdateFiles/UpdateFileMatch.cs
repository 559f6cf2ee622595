using Afterimage.Numerics.Arrays;

using Afterimage.Federation;

namespace Afterimage.UpdateFiles;

/// <summary>Finds, for each parameter of a model, the array of an update file that belongs to it.</summary>
internal sealed class UpdateFileMatch(ArrayFile file, TensorLayout layout, IReadOnlyList<(string Name, long[] Shape)> buffers)
{
    private const string Remedy = "give the model that this update was computed on (architecture and number of classes)";
    private static readonly string[] Statistics = ["running_mean", "running_var", "num_batches_tracked"];

    /// <summary>Whether every parameter that the file holds is made of 8-bit integers, whose scales nobody sent.</summary>
    public bool IsInteger => Arrays().OfType<NamedArray>().All(array => array.Type == ElementType.Int8);

    /// <summary>One array for each parameter, in the model's order; null where the file lacks it.</summary>
    public IReadOnlyList<NamedArray?> Arrays()
    {
        var arrays = ArrayNames.AreNameless(file.Arrays) ? ByPosition(file.Arrays) : ByName();
        var isInteger = arrays.OfType<NamedArray>().All(array => array.Type == ElementType.Int8);
        foreach (var (entry, array) in layout.Entries.Zip(arrays))
        {
            if (array is null)
                continue;
            if (!array.Shape.SequenceEqual(entry.Shape))
                throw ArrayFault.Tensor(file.Path, array.Name, $"has shape {ArrayFault.Shape(array.Shape)}, but the model's parameter " +
                    $"\"{entry.Name}\" has {ArrayFault.Shape(entry.Shape)}: {Remedy}");
            if (!isInteger && array.Type is not (ElementType.Float16 or ElementType.BFloat16 or ElementType.Float32 or ElementType.Float64))
                throw ArrayFault.Tensor(file.Path, array.Name,
                    $"is {array.Type}, which no update of weights is: multiply the integers by their scale and export float32");
        }
        return arrays;
    }

    private IReadOnlyList<NamedArray?> ByName()
    {
        var wanted = ArrayNames.WithoutWrappers(layout.Entries.Select(entry => entry.Name));
        var bareBuffers = ArrayNames.WithoutWrappers(buffers.Select(buffer => buffer.Name)).ToHashSet();
        var found = new Dictionary<string, NamedArray>();
        var names = ArrayNames.WithoutWrappers(file.Arrays.Select(array => array.Name));
        foreach (var (name, array) in names.Zip(file.Arrays))
            if (wanted.Contains(name)
                || !(bareBuffers.Contains(name) || Statistics.Any(ending => name.EndsWith(ending, StringComparison.Ordinal))))
                found[name] = array;
        var missing = wanted.Where(name => !found.ContainsKey(name)).ToList();
        if (missing.Count < wanted.Length && found.Count == wanted.Length - missing.Count)
            return [.. wanted.Select(name => found.GetValueOrDefault(name))];
        // The order of a list or a dictionary is the client's; that of a safetensors file is alphabetical and says nothing.
        if (missing.Count == wanted.Length && file.Format != ArrayFormat.Safetensors)
            return ByPosition([.. found.Values]);
        var extra = found.Where(pair => !wanted.Contains(pair.Key)).Select(pair => pair.Value.Name).ToList();
        if (extra.FirstOrDefault(ArrayNames.IsLowRankFactor) is { } factor)
            throw ArrayFault.File(file.Path, $"holds LoRA factors (\"{ArrayFault.Plain(factor)}\"), which the model lacks: " +
                "export the PEFT model by torch.jit.trace with its adapters not merged, so that they are among its parameters");
        throw ArrayFault.File(file.Path,
            $"does not name the model's parameters: {Listed("missing", missing)}{(missing.Count > 0 && extra.Count > 0 ? "; " : "")}" +
            $"{Listed("unknown", extra)}: name arrays as model.named_parameters() does, or {Remedy}");
    }

    private IReadOnlyList<NamedArray?> ByPosition(IReadOnlyList<NamedArray> arrays)
    {
        if (ArrayNames.AreNameless(arrays))
            for (var i = 0; i < arrays.Count; i++)
                if (ArrayNames.Position(arrays[i].Name) != i)
                    throw ArrayFault.File(file.Path,
                        $"lists arrays by position but has no arr_{i}: export the whole list with numpy.savez(path, *arrays)");
        if (arrays.Count == layout.Entries.Count)
            return arrays;
        var parameters = layout.Entries.Select(entry => (entry.Name, entry.Shape)).ToList();
        if (StateDictOrder.Named(arrays, parameters, buffers) is { } named)
        {
            var byName = named.Zip(arrays).ToDictionary(pair => pair.First.Name, pair => pair.Second);
            return [.. parameters.Select(parameter => byName[parameter.Name])];
        }
        if (arrays.Count < layout.Entries.Count && OnlyPlaces(arrays) is { } only)
            return only;
        var statistics = arrays.Count > layout.Entries.Count && arrays.Any(array => array.Shape.Count == 0)
            ? "BatchNorm running statistics seem to be exported too; export model.parameters() alone, or " : "";
        throw ArrayFault.File(file.Path, $"has {arrays.Count} arrays, the model {layout.Entries.Count} parameters: {statistics}{Remedy}");
    }

    /// <summary>The only way to give so few arrays places in the model's order by their shapes; null where there is none or more.</summary>
    private NamedArray?[]? OnlyPlaces(IReadOnlyList<NamedArray> arrays)
    {
        var entries = layout.Entries;
        // ways[i, j]: in how many ways (up to 2) the arrays from j on fit into the parameters from i on.
        var ways = new byte[entries.Count + 1, arrays.Count + 1];
        for (var i = entries.Count; i >= 0; i--)
            for (var j = arrays.Count; j >= 0; j--)
                ways[i, j] = j == arrays.Count ? (byte)1 : i == entries.Count ? (byte)0
                    : (byte)Math.Min(2, ways[i + 1, j] + (Matches(i, j) ? ways[i + 1, j + 1] : 0));
        if (ways[0, 0] != 1)
            return null;
        var placed = new NamedArray?[entries.Count];
        for (var (i, j) = (0, 0); j < arrays.Count; i++)
            if (Matches(i, j) && ways[i + 1, j + 1] > 0)
                placed[i] = arrays[j++];
        return placed;

        bool Matches(int i, int j) => entries[i].Shape.SequenceEqual(arrays[j].Shape);
    }

    private static string Listed(string what, List<string> names)
    {
        var shown = string.Join(", ", names.Take(8).Select(name => $"\"{ArrayFault.Plain(name)}\""));
        return names.Count switch { 0 => "", <= 8 => $"{what} {shown}", _ => $"{what} {names.Count} names, among them {shown}" };
    }
}
