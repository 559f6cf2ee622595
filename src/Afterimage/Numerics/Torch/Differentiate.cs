using System.Runtime.InteropServices;

namespace Afterimage.Numerics;

/// <summary>
/// The only calls into libtorch's automatic differentiation. Its native entry points end the process where PyTorch would
/// raise an error (a second backward pass without a retained graph, an unused input, an output that is a function of no input), so
/// graphs are always retained, and the derivative of a function that does not use an input is zero.
/// </summary>
public static class Differentiate
{
    /// <summary>The gradient of a scalar with respect to each input, in the input's shape.</summary>
    /// <param name="scalar">A tensor of one element.</param>
    /// <param name="inputs">Tensors that require a gradient.</param>
    /// <param name="graph">Whether the gradients can be differentiated again.</param>
    public static Tensor[] Gradients(Tensor scalar, IReadOnlyList<Tensor> inputs, bool graph = false) =>
        Products([scalar], inputs, null, graph);

    /// <summary>Vector-Jacobian products: for each input, the sum over outputs of (d output / d input)' v.</summary>
    /// <param name="outputs">Functions of the inputs.</param>
    /// <param name="inputs">Tensors that require a gradient.</param>
    /// <param name="v">One tensor in the shape of each output; null where every output is a scalar, for ones.</param>
    /// <param name="graph">Whether the products can be differentiated again.</param>
    public static Tensor[] Products(
        IReadOnlyList<Tensor> outputs, IReadOnlyList<Tensor> inputs, IReadOnlyList<Tensor>? v, bool graph = false)
    {
        var reached = Enumerable.Range(0, outputs.Count).Where(i => outputs[i].requires_grad).ToArray();
        var asked = Enumerable.Range(0, inputs.Count).Where(i => inputs[i].requires_grad).ToArray();
        var products = new Tensor?[inputs.Count];
        if (reached.Length > 0 && asked.Length > 0)
        {
            var found = autograd.grad([.. reached.Select(i => outputs[i])], [.. asked.Select(i => inputs[i])],
                v is null ? null : [.. reached.Select(i => v[i])], retain_graph: true, create_graph: graph, allow_unused: true);
            for (var i = 0; i < asked.Length; i++)
                products[asked[i]] = found[i].IsInvalid ? null : found[i];
        }
        return [.. products.Select((product, i) => product ?? zeros_like(inputs[i]))];
    }

    /// <summary>
    /// libtorch's error message where an operation between inputs and outputs lacks a first or second derivative, or null where
    /// both exist. The question is asked through backward(), which raises an error where autograd.grad ends the process.
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
