using Afterimage.Numerics.Arrays;

using Afterimage.Federation;

namespace Afterimage.UpdateFiles;

/// <summary>A client's update in a file (docs/update-files.md says which), with the side-car JSON beside it if there is one.</summary>
/// <param name="Content">The arrays.</param>
/// <param name="Description">What the side-car says, or null without one.</param>
public sealed record UpdateFile(ArrayFile Content, UpdateDescription? Description)
{
    /// <summary>By name of a quantized array, the standard deviation of what rounding added to a number.</summary>
    public IReadOnlyDictionary<string, double> Quantization { get; init; } = new Dictionary<string, double>();

    /// <summary>Where the file is.</summary>
    public string Path => Content.Path;

    /// <summary>Reads an update and its side-car.</summary>
    /// <param name="path">A file of arrays by parameter name, or a list without names (arr_0, arr_1, ...).</param>
    /// <param name="sidecar">The JSON that describes it; by default the same path with the ending .json, if that exists.</param>
    /// <exception cref="AfterimageException">A file is missing or malformed.</exception>
    public static UpdateFile Read(string path, string? sidecar = null)
    {
        var content = ArrayFile.Read(path);
        if (content.Arrays.Count == 0)
            throw ArrayFault.File(path, "holds no arrays: check that backward() ran before the export");
        sidecar ??= System.IO.Path.Exists(UpdateDescription.PathFor(path)) ? UpdateDescription.PathFor(path) : null;
        // Whoever reads it next must not wait for a pipe.
        if (sidecar is not null)
            InputFile.Open(sidecar, "the JSON that describes the update").Dispose();
        var (arrays, deviations) = BlockwiseQuantized.Restored(content.Arrays, path);
        var description = sidecar is null ? null : UpdateDescription.Read(sidecar);
        return new(content with { Arrays = arrays }, description) { Quantization = deviations };
    }

    /// <summary>Reads a file without a side-car, for example the weights before the round.</summary>
    /// <exception cref="AfterimageException">The file is missing or malformed.</exception>
    internal static UpdateFile Plain(string path) => new(ArrayFile.Read(path), null);

    /// <summary>Writes an update, and its side-car beside it.</summary>
    /// <param name="path">Ends in .safetensors or .npz.</param>
    /// <param name="update">What the client sends.</param>
    /// <param name="description">What is known; null writes no side-car.</param>
    /// <param name="nameless">Whether arrays are called arr_0, arr_1, ... as in a list of parameters.</param>
    public static void Write(string path, GradientSet update, UpdateDescription? description, bool nameless = false)
    {
        using var scope = NewDisposeScope();
        ArrayFile.Write(path,
            [.. update.Layout.Entries.Select((entry, i) => NamedArray.Of(nameless ? $"arr_{i}" : entry.Name, update[i]))]);
        if (description is not null)
            File.WriteAllText(UpdateDescription.PathFor(path), description.ToJson());
    }

    /// <summary>
    /// The update in the model's order: by name (prefixes of wrappers are overlooked), or by position where the arrays have no
    /// names or other names than the model. BatchNorm statistics among them are left out, and zeros stand for parameters that the
    /// file lacks (<see cref="Unsent"/>).
    /// </summary>
    /// <param name="layout">The model's parameters.</param>
    /// <param name="type">float32 or float64.</param>
    /// <param name="device">Where the update goes.</param>
    /// <param name="buffers">Names and shapes of the model's buffers, if a list of parameters may include them.</param>
    /// <exception cref="AfterimageException">The arrays are not this model's, are not finite, or are all zero.</exception>
    public GradientSet Match(TensorLayout layout, ScalarType type, Device device, IEnumerable<(string Name, long[] Shape)>? buffers = null)
    {
        var arrays = new UpdateFileMatch(Content, layout, [.. buffers ?? []]).Arrays();
        CheckValues([.. arrays.OfType<NamedArray>()]);
        using var scope = NewDisposeScope();
        var flat = zeros([layout.Count], type, device);
        foreach (var (entry, array) in layout.Entries.Zip(arrays))
            if (array is not null)
                array.CopyTo(flat.narrow(0, entry.Offset, entry.Count));
        return new(layout, flat.MoveToOuterDisposeScope());
    }

    /// <summary>Names of the model's parameters that the file does not hold: frozen layers, or all but what a client shares.</summary>
    /// <param name="layout">The model's parameters.</param>
    /// <param name="buffers">Names and shapes of the model's buffers, if a list of parameters may include them.</param>
    /// <exception cref="AfterimageException">The arrays are not this model's.</exception>
    public ValueList<string> Unsent(TensorLayout layout, IEnumerable<(string Name, long[] Shape)>? buffers = null) =>
        new UpdateFileMatch(Content, layout, [.. buffers ?? []]).Arrays().Zip(layout.Entries)
            .Where(pair => pair.First is null).Select(pair => pair.Second.Name).ToValueList();

    /// <summary>Whether the update is made of 8-bit integers alone, whose scales nobody sent.</summary>
    /// <param name="layout">The model's parameters.</param>
    /// <param name="buffers">Names and shapes of the model's buffers, if a list of parameters may include them.</param>
    /// <exception cref="AfterimageException">The arrays are not this model's.</exception>
    public bool IsInteger(TensorLayout layout, IEnumerable<(string Name, long[] Shape)>? buffers = null) =>
        new UpdateFileMatch(Content, layout, [.. buffers ?? []]).IsInteger;

    /// <summary>The BatchNorm statistics in the file, by name, as they are.</summary>
    /// <param name="layers">Names of the model's BatchNorm layers.</param>
    /// <param name="type">float32 or float64.</param>
    /// <param name="device">Where they go.</param>
    /// <exception cref="AfterimageException">A layer's statistics are missing or not finite.</exception>
    public LayerStatistics Statistics(IEnumerable<string> layers, ScalarType type, Device device)
    {
        var found = ArrayNames.WithoutWrappers(Content.Arrays.Select(array => array.Name)).Zip(Content.Arrays)
            .ToDictionary(pair => pair.First, pair => pair.Second);
        var names = layers.ToList();
        Tensor Read(string name)
        {
            if (!found.TryGetValue(ArrayNames.WithoutWrappers([name]).Single(), out var array) && !found.TryGetValue(name, out array))
                throw ArrayFault.File(Path, $"is said to hold BatchNorm statistics, but has no array \"{name}\": " +
                    "export model.state_dict() by name, or leave \"statistics\" out of the side-car");
            return array.CountNotFinite() == 0 ? array.ToTensor(type, device)
                : throw ArrayFault.Tensor(Path, name, "has values that are not finite (NaN or infinite): export it again");
        }
        return new(names.ToDictionary(
            layer => layer, layer => (Read(layer + LayerStatistics.MeanSuffix), Read(layer + LayerStatistics.VarianceSuffix))));
    }

    private void CheckValues(IReadOnlyList<NamedArray> arrays)
    {
        var bad = arrays.Select(array => (array.Name, array.Count, Bad: array.CountNotFinite())).Where(found => found.Bad > 0).ToList();
        if (bad.Count > 0)
            throw ArrayFault.Tensor(Path, bad[0].Name, $"has {bad[0].Bad} of {bad[0].Count} values that are not finite (NaN or infinite)" +
                (bad.Count > 1 ? $", and so have {bad.Count - 1} more tensors" : "") +
                    ": the client's training diverged or the export is damaged; export it again");
        if (arrays.All(array => array.IsZero))
            throw ArrayFault.File(Path,
                "is zero in every parameter: a zero update holds no information; check that backward() ran before the export");
    }
}
