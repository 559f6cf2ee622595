using Afterimage.Numerics.Arrays;

using Afterimage.Federation;

namespace Afterimage.UpdateFiles;

/// <summary>Finds, for each parameter of a model, the array of an update file that belongs to it.</summary>
internal sealed class UpdateFileMatch(ArrayFile file, TensorLayout layout, IReadOnlyList<(string Name, long[] Shape)> buffers)
{
    private const string Remedy = "give the model that this update was computed on (architecture and number of classes)";
    private static readonly string[] Statistics = ["running_mean", "running_var", "num_batches_tracked"];

    /// <summary>One array for each parameter, in the model's order.</summary>
    public IReadOnlyList<NamedArray> Arrays()
    {
        var arrays = ArrayNames.AreNameless(file.Arrays) ? ByPosition(file.Arrays) : ByName();
        foreach (var (entry, array) in layout.Entries.Zip(arrays))
        {
            if (!array.Shape.SequenceEqual(entry.Shape))
                throw ArrayFault.Tensor(file.Path, array.Name, $"has shape {ArrayFault.Shape(array.Shape)}, but the model's parameter " +
                    $"\"{entry.Name}\" has {ArrayFault.Shape(entry.Shape)}: {Remedy}");
            if (array.Type is not (ElementType.Float16 or ElementType.BFloat16 or ElementType.Float32 or ElementType.Float64))
                throw ArrayFault.Tensor(file.Path, array.Name,
                    $"is {array.Type}, which no update of weights is: undo the quantization and export float32");
        }
        return arrays;
    }

    private IReadOnlyList<NamedArray> ByName()
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
        if (missing.Count == 0 && found.Count == wanted.Length)
            return [.. wanted.Select(name => found[name])];
        // The order of a list or a dictionary is the client's; that of a safetensors file is alphabetical and says nothing.
        if (missing.Count == wanted.Length && file.Format != ArrayFormat.Safetensors)
            return ByPosition([.. found.Values]);
        var extra = found.Where(pair => !wanted.Contains(pair.Key)).Select(pair => pair.Value.Name).ToList();
        if (extra.FirstOrDefault(ArrayNames.IsLowRankFactor) is { } factor)
            throw ArrayFault.File(file.Path, $"holds LoRA factors (\"{ArrayFault.Plain(factor)}\"), which the model lacks: " +
                "export the PEFT model by torch.jit.trace with its adapters not merged, so that they are among its parameters");
        throw ArrayFault.File(file.Path,
            $"does not name the model's parameters: {Listed("missing", missing)}{(missing.Count > 0 && extra.Count > 0 ? "; " : "")}" +
            $"{Listed("unknown", extra)}. Name arrays as model.named_parameters() does, or {Remedy}");
    }

    private IReadOnlyList<NamedArray> ByPosition(IReadOnlyList<NamedArray> arrays)
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
        var statistics = arrays.Count > layout.Entries.Count && arrays.Any(array => array.Shape.Count == 0)
            ? "BatchNorm running statistics seem to be exported too; export model.parameters() alone, or " : "";
        throw ArrayFault.File(file.Path, $"has {arrays.Count} arrays, the model {layout.Entries.Count} parameters: {statistics}{Remedy}");
    }

    private static string Listed(string what, List<string> names)
    {
        var shown = string.Join(", ", names.Take(8).Select(name => $"\"{ArrayFault.Plain(name)}\""));
        return names.Count switch { 0 => "", <= 8 => $"{what} {shown}", _ => $"{what} {names.Count} names, among them {shown}" };
    }
}
