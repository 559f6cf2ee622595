using System.Runtime.InteropServices;

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

    /// <summary>
    /// What libtorch says where (d output / d input)' v, or its derivative with respect to v, needs a derivative that does not exist;
    /// null where both can be had. It asks through backward(), which raises where autograd.grad ends the process.
    /// </summary>
    public static string? Obstacle(IReadOnlyList<Tensor> outputs, IReadOnlyList<Tensor> inputs)
    {
        try
        {
            using var scope = NewDisposeScope();
            var reached = outputs.Where(output => output.requires_grad).ToArray();
            if (reached.Length == 0)
                return null;
            Squares(reached).backward(retain_graph: true, inputs: [.. inputs]);
            // The same operations once more, now known to be safe.
            var v = reached.Select(output => ones_like(output).requires_grad_()).ToArray();
            var products = Products(reached, inputs, v, graph: true).Where(product => product.requires_grad).ToArray();
            if (products.Length > 0)
                Squares(products).backward(retain_graph: true, inputs: v);
            return null;
        }
        catch (ExternalException missing)
        {
            return missing.Message.Split('\n')[0].Trim();
        }
    }

    private static Tensor Squares(IEnumerable<Tensor> tensors) =>
        tensors.Select(tensor => tensor.square().sum()).Aggregate((sum, next) => sum + next);
}
