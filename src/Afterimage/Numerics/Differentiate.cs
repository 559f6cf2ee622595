namespace Afterimage.Numerics;

/// <summary>
/// The only calls into libtorch's differentiation. Its native entry points end the process where PyTorch would raise
/// (a second backward without a retained graph, an unused input), so both flags are always set and unused inputs become zeros.
/// </summary>
public static class Differentiate
{
    /// <summary>Gradients of a scalar; with <paramref name="graph"/> they can be differentiated again.</summary>
    public static Tensor[] Gradients(Tensor scalar, IReadOnlyList<Tensor> inputs, bool graph = false) =>
        Products([scalar], inputs, null, graph);

    /// <summary>Sum over outputs of (d output / d input)' v, for every input.</summary>
    public static Tensor[] Products(IReadOnlyList<Tensor> outputs, IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor>? v, bool graph = false)
    {
        var found = autograd.grad([.. outputs], [.. inputs], v is null ? null : [.. v],
            retain_graph: true, create_graph: graph, allow_unused: true);
        var products = new Tensor[inputs.Count];
        for (var i = 0; i < products.Length; i++)
            products[i] = found[i].IsInvalid ? zeros_like(inputs[i]) : found[i];
        return products;
    }
}
