namespace Afterimage.Networks;

/// <summary>
/// The parameters of a network by name: views of one vector, cut by a single operation, so that a derivative with respect to the vector
/// costs one joining of theirs.
/// </summary>
internal sealed class ParameterViews : IDisposable
{
    private readonly Dictionary<string, Tensor> views = [];
    private readonly bool isOwner;

    /// <param name="layout">Names and shapes.</param>
    /// <param name="flat">[layout.Count].</param>
    /// <param name="isOwner">Whether the vector is disposed with the views.</param>
    public ParameterViews(TensorLayout layout, Tensor flat, bool isOwner)
    {
        if (flat.shape is not [var count] || count != layout.Count)
            throw new AfterimageException($"A network of {layout.Count} parameters takes a vector of as many, not one of shape " +
                $"[{string.Join(",", flat.shape)}].");
        (Layout, Flat, this.isOwner) = (layout, flat, isOwner);
        var parts = flat.split([.. layout.Entries.Select(entry => entry.Count)]);
        foreach (var (entry, part) in layout.Entries.Zip(parts))
        {
            views[entry.Name] = part.view(entry.Shape);
            part.Dispose();
        }
    }

    public TensorLayout Layout { get; }

    public Tensor Flat { get; }

    public Tensor this[string name] => views[name];

    /// <summary>Views of a copy in another precision, or on another device.</summary>
    public ParameterViews To(ScalarType type, Device? device) =>
        new(Layout, Flat.detach().to(type, device ?? Flat.device, copy: true), isOwner: true);

    public void Detach()
    {
        Flat.DetachFromDisposeScope();
        foreach (var view in views.Values)
            view.DetachFromDisposeScope();
    }

    public void Dispose()
    {
        foreach (var view in views.Values)
            view.Dispose();
        if (isOwner)
            Flat.Dispose();
    }
}
