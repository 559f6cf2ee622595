namespace Afterimage.Numerics;

/// <summary>A training batch, or derivatives with respect to one.</summary>
/// <param name="Inputs">Examples along the first dimension; images are [B,C,H,W] in [0,1].</param>
/// <param name="Targets">Label probabilities, shape [B,classes].</param>
public readonly record struct Batch(Tensor Inputs, Tensor Targets)
{
    /// <summary>Number of examples.</summary>
    public int Count => (int)Inputs.shape[0];

    /// <summary>Views of <paramref name="count"/> examples beginning at <paramref name="from"/>.</summary>
    public Batch Narrow(long from, long count) => Each(tensor => tensor.narrow(0, from, count));

    /// <summary>The same values outside of every graph.</summary>
    public Batch Detach() => Each(tensor => tensor.detach());

    /// <summary>The same values as leaves of a new graph, which require a gradient.</summary>
    public Batch Leaves() => Each(tensor => tensor.detach().requires_grad_());

    /// <summary>One function applied to inputs and to targets.</summary>
    public Batch Each(Func<Tensor, Tensor> function) => new(function(Inputs), function(Targets));
}
