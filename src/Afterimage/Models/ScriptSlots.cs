namespace Afterimage.Models;

/// <summary>
/// The parameters and buffers of a TorchScript module and the places that hold them: others take their place during one pass, so that its
/// output is a function of those, and the own ones are restored.
/// </summary>
internal sealed class ScriptSlots : IDisposable
{
    private readonly Slot[] weights;
    private readonly Slot[] others;

    /// <param name="module">The module, which gets copies of its own values in another type.</param>
    /// <param name="type">Of all floating-point values.</param>
    /// <param name="device">Of all values.</param>
    public ScriptSlots(jit.ScriptModule module, ScalarType type, Device device)
    {
        var owners = module.named_modules().ToDictionary(pair => pair.name, pair => (jit.ScriptModule)pair.module);
        Slot Open(string name, Tensor value) => name.LastIndexOf('.') is var dot and > 0
            ? new(owners[name[..dot]], name[(dot + 1)..], value.DetachFromDisposeScope())
            : new(module, name, value.DetachFromDisposeScope());

        // Conversion by libtorch would leave handles to the old tensors, of which the script's output is no function.
        Tensor Convert(Tensor value) => value.detach().to(value.is_floating_point() ? type : value.dtype, device, copy: true);
        var named = module.named_parameters().ToList();
        // Whole numbers have no gradient: nobody trains them.
        var trainable = named.Where(pair => pair.parameter.is_floating_point()).ToList();
        Layout = new(trainable.Select(pair => (pair.name, pair.parameter.shape)));
        Untrained = trainable.Where(pair => !pair.parameter.requires_grad).Select(pair => pair.name).ToValueList();
        weights = [.. trainable.Select(pair => Open(pair.name, Convert(pair.parameter).requires_grad_()))];
        Buffers = module.named_buffers()
            .Concat(named.Where(pair => !pair.parameter.is_floating_point()).Select(pair => (pair.name, (Tensor)pair.parameter)))
            .ToDictionary(pair => pair.Item1, pair => Convert(pair.Item2));
        others = [.. Buffers.Select(pair => Open(pair.Key, pair.Value))];
        Restore();
    }

    /// <summary>The module and attribute that hold one parameter or buffer.</summary>
    private sealed record Slot(jit.ScriptModule Owner, string Name, Tensor Value)
    {
        public void Put(Tensor value) => Owner.set_attribute(Name, value);
    }

    public TensorLayout Layout { get; }

    public IReadOnlyList<Tensor> Parameters => [.. weights.Select(slot => slot.Value)];

    public IReadOnlyDictionary<string, Tensor> Buffers { get; }

    /// <summary>Parameters of which the file says that they are not trained.</summary>
    public ValueList<string> Untrained { get; }

    /// <summary>Puts other parameters, where there are some, and copies of the buffers in the place of the own ones.</summary>
    public void Put(IReadOnlyList<Tensor>? parameters)
    {
        for (var i = 0; i < parameters?.Count; i++)
            weights[i].Put(parameters[i]);
        // BatchNorm in train mode and scripts that count update whatever is registered: give them copies. Copying back would
        // invalidate what the graph has saved.
        foreach (var slot in others)
            slot.Put(slot.Value.clone());
    }

    public void Restore()
    {
        foreach (var slot in (Slot[])[.. weights, .. others])
            slot.Put(slot.Value);
    }

    /// <summary>Takes over the values of another module of the same file.</summary>
    public void Copy(ScriptSlots from)
    {
        foreach (var (target, source) in weights.Concat(others).Zip(from.weights.Concat(from.others)))
            target.Value.copy_(source.Value);
    }

    public void Dispose()
    {
        foreach (var slot in (Slot[])[.. weights, .. others])
            slot.Value.Dispose();
    }
}
