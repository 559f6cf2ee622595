namespace Afterimage.Numerics.Arrays;

/// <summary>Reads a PyTorch state dict from a file of torch.save, a safetensors or an .npz file.</summary>
public static class Weights
{
    /// <summary>
    /// The arrays by the names that the model uses. Prefixes that wrappers add ("module.", "_orig_mod.", ...) and BatchNorm's
    /// step counters are ignored.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="expected">Names and shapes of the model's parameters and buffers.</param>
    /// <exception cref="AfterimageException">Names every array that is missing, extra or of another shape, all at once.</exception>
    public static IReadOnlyDictionary<string, NamedArray> Load(string path, IEnumerable<(string Name, long[] Shape)> expected) =>
        Fit(ArrayFile.Read(path), expected);

    /// <summary>The same for a file that was read already.</summary>
    public static IReadOnlyDictionary<string, NamedArray> Fit(ArrayFile file, IEnumerable<(string Name, long[] Shape)> expected)
    {
        var wanted = expected.Where(entry => !ArrayNames.IsStepCounter(entry.Name)).ToList();
        var arrays = Named(file, wanted).Where(array => !ArrayNames.IsStepCounter(array.Name)).ToList();
        var bareWanted = ArrayNames.WithoutWrappers(wanted.Select(entry => entry.Name));
        var found = ArrayNames.WithoutWrappers(arrays.Select(array => array.Name)).Zip(arrays)
            .ToDictionary(pair => pair.First, pair => pair.Second);
        var loaded = new Dictionary<string, NamedArray>();
        var faults = new List<string>();
        foreach (var ((name, shape), bare) in wanted.Zip(bareWanted))
            if (!found.Remove(bare, out var array))
                faults.Add($"\"{name}\" {ArrayFault.Shape(shape)} is missing");
            else if (!array.Shape.SequenceEqual(shape))
                faults.Add($"\"{name}\" has shape {ArrayFault.Shape(array.Shape)} where the model has {ArrayFault.Shape(shape)}");
            else if (array.CountNotFinite() > 0)
                throw ArrayFault.Tensor(file.Path, array.Name,
                    "has values that are not finite (NaN or infinite): the model's training diverged or the file is damaged, so " +
                    "export it again");
            else
                loaded[name] = array.Renamed(name);
        faults.AddRange(found.Values
            .Select(extra => $"\"{ArrayFault.Plain(extra.Name)}\" {ArrayFault.Shape(extra.Shape)} is not in the model"));
        if (faults.Count == 0)
            return loaded;
        var shown = string.Join("; ", faults.Take(12)) + (faults.Count > 12 ? $"; and {faults.Count - 12} more" : "");
        throw ArrayFault.File(file.Path,
            $"does not fit the model: {shown}; choose the architecture and the number of classes that these weights were trained with");
    }

    /// <summary>
    /// A list without names (arr_0, arr_1, ...), and a file that keeps the order of the state dict but shares no name with the model, are
    /// taken in that order where every shape agrees.
    /// </summary>
    private static IReadOnlyList<NamedArray> Named(ArrayFile file, List<(string Name, long[] Shape)> wanted)
    {
        static bool IsBuffer(string name) => name.EndsWith("running_mean", StringComparison.Ordinal)
            || name.EndsWith("running_var", StringComparison.Ordinal);
        var names = ArrayNames.WithoutWrappers(wanted.Select(entry => entry.Name)).ToHashSet();
        var isForeign = file.Format != ArrayFormat.Safetensors
            && !ArrayNames.WithoutWrappers(file.Arrays.Select(array => array.Name)).Any(names.Contains);
        return (isForeign || ArrayNames.AreNameless(file.Arrays)) && StateDictOrder.Named(file.Arrays,
            [.. wanted.Where(entry => !IsBuffer(entry.Name))], [.. wanted.Where(entry => IsBuffer(entry.Name))]) is { } named
            ? named : file.Arrays;
    }
}
