using Afterimage.Federation;
using Afterimage.Numerics.Arrays;

namespace Afterimage.UpdateFiles;

/// <summary>
/// BatchNorm's running statistics and step counters in an update file, found by name or by their place in a list. A gradient has none;
/// a state dict has them all.
/// </summary>
public sealed class FileStatistics
{
    private readonly Dictionary<string, NamedArray> found = new(StringComparer.Ordinal);

    /// <summary>Looks for those of a model.</summary>
    /// <param name="file">The update.</param>
    /// <param name="layout">The model's parameters.</param>
    /// <param name="buffers">The model's buffers.</param>
    public FileStatistics(ArrayFile file, TensorLayout layout, IReadOnlyList<(string Name, long[] Shape)> buffers)
    {
        var parameters = layout.Entries.Select(entry => (entry.Name, entry.Shape)).ToList();
        var arrays = ArrayNames.AreNameless(file.Arrays)
            ? StateDictOrder.Named(file.Arrays, parameters, buffers) ?? [] : file.Arrays;
        var names = ArrayNames.WithoutWrappers(arrays.Select(array => array.Name));
        var layers = buffers.Select(buffer => buffer.Name)
            .Where(name => name.EndsWith(LayerStatistics.MeanSuffix, StringComparison.Ordinal))
            .Select(name => name[..^LayerStatistics.MeanSuffix.Length]).ToList();
        foreach (var layer in layers)
            foreach (var suffix in (string[])[LayerStatistics.MeanSuffix, LayerStatistics.VarianceSuffix, CounterSuffix])
                if (Array.FindIndex(names, name => Same(name, layer + suffix)) is >= 0 and var place)
                    found[layer + suffix] = arrays[place];
        Layers = [.. layers.Where(layer => found.ContainsKey(layer + LayerStatistics.MeanSuffix)
            && found.ContainsKey(layer + LayerStatistics.VarianceSuffix))];
        IsWhole = layers.Count > 0 && Layers.Count == layers.Count;
    }

    private const string CounterSuffix = ".num_batches_tracked";

    /// <summary>The BatchNorm layers whose mean and variance the file holds.</summary>
    public ValueList<string> Layers { get; }

    /// <summary>Whether the file holds those of every BatchNorm layer of the model, which has at least one.</summary>
    public bool IsWhole { get; }

    /// <summary>What the step counters say; null where there are none, or they disagree.</summary>
    public long? Steps
    {
        get
        {
            var counters = found.Where(pair => pair.Key.EndsWith(CounterSuffix, StringComparison.Ordinal) && pair.Value.Count == 1)
                .Select(pair => pair.Value.ToDouble()[0]).Distinct().ToList();
            return counters is [>= 0 and < 1e9 and var steps] && steps == Math.Floor(steps) ? (long)steps : null;
        }
    }

    /// <summary>The numbers as they are.</summary>
    /// <exception cref="AfterimageException">Some are not finite.</exception>
    public LayerStatistics Read(string path, ScalarType type, Device device)
    {
        Tensor Numbers(string name) => found[name].ToDouble().All(double.IsFinite) ? found[name].ToTensor(type, device)
            : throw ArrayFault.Tensor(path, name, "has values that are not finite (NaN or infinite): export it again");
        return new(Layers.ToDictionary(layer => layer,
            layer => (Numbers(layer + LayerStatistics.MeanSuffix), Numbers(layer + LayerStatistics.VarianceSuffix))));
    }

    private static bool Same(string bare, string name) => bare == name || bare == ArrayNames.WithoutWrappers([name])[0];
}
