namespace Afterimage.Numerics.Arrays;

/// <summary>
/// PyTorch's order of a state dict: a module's own parameters, then its own buffers, then its children. A list without names, as
/// Flower's clients send it, has this order.
/// </summary>
internal static class StateDictOrder
{
    private const string Variance = "running_var";
    private const string Counter = "num_batches_tracked";

    /// <summary>The state dict's entries.</summary>
    /// <param name="parameters">In the model's order.</param>
    /// <param name="buffers">BatchNorm's running statistics, with or without their step counters.</param>
    /// <param name="withCounters">Whether a step counter follows the running statistics of every layer.</param>
    public static IEnumerable<(string Name, long[] Shape, bool IsParameter)> Of(IReadOnlyList<(string Name, long[] Shape)> parameters,
        IReadOnlyList<(string Name, long[] Shape)> buffers, bool withCounters)
    {
        for (var i = 0; i < parameters.Count; i++)
        {
            yield return (parameters[i].Name, parameters[i].Shape, true);
            var module = Module(parameters[i].Name);
            if (i + 1 < parameters.Count && Module(parameters[i + 1].Name) == module)
                continue;
            foreach (var (name, shape) in buffers.Where(buffer => Module(buffer.Name) == module && !ArrayNames.IsStepCounter(buffer.Name)))
            {
                yield return (name, shape, false);
                if (withCounters && name.EndsWith(Variance, StringComparison.Ordinal))
                    yield return (module + Counter, [], false);
            }
        }
    }

    /// <summary>The arrays of a list under the names of the state dict; null where count or shapes are others.</summary>
    public static IReadOnlyList<NamedArray>? Named(IReadOnlyList<NamedArray> list, IReadOnlyList<(string Name, long[] Shape)> parameters,
        IReadOnlyList<(string Name, long[] Shape)> buffers)
    {
        foreach (var counted in (bool[])[true, false])
        {
            var order = Of(parameters, buffers, counted).ToList();
            if (order.Count == list.Count && order.Zip(list).All(pair => pair.First.Shape.SequenceEqual(pair.Second.Shape)))
                return [.. order.Zip(list).Select(pair => pair.Second.Renamed(pair.First.Name))];
        }
        return null;
    }

    private static string Module(string name) => name[..(name.LastIndexOf('.') + 1)];
}
