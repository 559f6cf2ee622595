namespace Afterimage.Numerics;

/// <summary>What a client trains on, or derivatives with respect to it.</summary>
/// <param name="Inputs">One entry for each example along the first dimension: images are [B,C,H,W] in [0,1].</param>
/// <param name="Targets">Label probabilities, shape [B,classes].</param>
public readonly record struct Batch(Tensor Inputs, Tensor Targets)
{
    /// <summary>Examples.</summary>
    public int Count => (int)Inputs.shape[0];

    /// <summary>Views of some of the examples that follow one another.</summary>
    public Batch Narrow(long from, long count) => Each(tensor => tensor.narrow(0, from, count));

    /// <summary>The same numbers outside of every graph.</summary>
    public Batch Detach() => Each(tensor => tensor.detach());

    /// <summary>The same numbers as leaves of a new graph.</summary>
    public Batch Leaves() => Each(tensor => tensor.detach().requires_grad_());

    /// <summary>Inputs and targets, each through the same function.</summary>
    public Batch Each(Func<Tensor, Tensor> function) => new(function(Inputs), function(Targets));
}
