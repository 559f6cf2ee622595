namespace Afterimage.Numerics.Arrays.TorchSave;

/// <summary>Finds the state dict in what a file holds: the whole, or one entry of a checkpoint beside an optimizer's state.</summary>
internal static class StateDictSearch
{
    private const int Deepest = 6;

    /// <summary>The keys under which training scripts keep the model's state dict, the surest first.</summary>
    private static readonly string[] Usual = ["state_dict", "model_state_dict", "model_state", "model", "net", "network", "module",
        "weights", "params", "parameters", "arrays", "update", "gradient", "gradients", "grads", "delta", "checkpoint", "ckpt"];

    /// <summary>The tensors by name, in the order of the file; a list's are called arr_0, arr_1, ...</summary>
    /// <exception cref="AfterimageException">There are none, or in several places.</exception>
    public static IReadOnlyList<(string Name, TorchTensor Tensor)> Find(object? root, string file) =>
        Find(root, file, Deepest, new(ReferenceEqualityComparer.Instance))
        ?? throw ArrayFault.File(file, "holds no dictionary or list of tensors: save model.state_dict() with torch.save");

    private static List<(string, TorchTensor)>? Find(object? value, string file, int depth, HashSet<object> seen)
    {
        // A dictionary may hold itself.
        if (depth == 0 || (value is not null && !seen.Add(value)))
            return null;
        if (Listed(value) is { } list)
            return list;
        if (value is not PickledDictionary dictionary)
            return Tensor(value) is { Shape.Length: > 0 } only ? [("arr_0", only)] : null;
        var named = dictionary.Named();
        foreach (var key in Usual)
            if (named.TryGetValue(key, out var known) && known is not TorchTensor && Find(known, file, depth - 1, seen) is { } usual)
                return usual;
        var own = named.Select(pair => (pair.Key, Tensor: Tensor(pair.Value))).Where(pair => pair.Tensor is not null)
            .Select(pair => (pair.Key, pair.Tensor!)).ToList();
        if (own.Any(pair => pair.Item2.Shape.Length > 0))
            return own;
        var inner = named.Where(pair => !pair.Key.Contains("optim", StringComparison.OrdinalIgnoreCase))
            .Select(pair => (pair.Key, Found: pair.Value is PickledDictionary ? Find(pair.Value, file, depth - 1, seen) : null))
            .Where(pair => pair.Found is not null).ToList();
        return inner.Count <= 1 ? inner.FirstOrDefault().Found : throw ArrayFault.File(file,
            $"holds {inner.Count} dictionaries of tensors ({string.Join(", ", inner.Take(8).Select(pair =>
                $"\"{ArrayFault.Plain(pair.Key)}\""))}): save the one of this model alone");
    }

    private static List<(string, TorchTensor)>? Listed(object? value)
    {
        IReadOnlyList<object?>? items = value switch { List<object?> list => list, object?[] tuple => tuple, _ => null };
        var tensors = items?.Select(Tensor).ToList();
        return tensors is { Count: > 0 } && tensors.All(tensor => tensor is not null)
            ? [.. tensors.Select((tensor, i) => ($"arr_{i}", tensor!))] : null;
    }

    private static TorchTensor? Tensor(object? value) => value switch
    {
        TorchTensor tensor => tensor,
        NumpyArray array => array.Tensor,
        _ => null,
    };
}
