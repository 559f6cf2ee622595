namespace Afterimage.Attacks;

/// <summary>
/// Newton's step for the input of a layer in train mode: dL/dz depends on the input through the statistics of the batch, so that dL/dW is
/// quadratic in it. Iterating dL/dz alone does not always converge.
/// </summary>
internal sealed class CoupledStep
{
    private const int Products = 60;
    private const double Enough = 1e-12;

    private readonly RectifiedBlock block;
    private readonly Tensor system;
    private readonly Tensor byRow;
    private readonly Tensor patches;
    private readonly Tensor passing;

    /// <param name="block">In train mode.</param>
    /// <param name="input">[channels,places].</param>
    /// <param name="system">K for dL/dz at this input, [Equations,places].</param>
    /// <param name="byRow">Weights of the equations, [Equations,1].</param>
    public CoupledStep(RectifiedBlock block, Tensor input, Tensor system, Tensor byRow)
    {
        (this.block, this.system, this.byRow) = (block, system, byRow);
        patches = block.Map.Patches(input.reshape([1, .. block.Input]));
        passing = -block.Batch!.Slope / block.Batch.Deviation.square();
    }

    /// <param name="open">What is left of dL/dW, [Equations,channels].</param>
    /// <param name="normal">K'K with its weights and what is believed of the input, [channels,places,places].</param>
    /// <param name="belief">Its part without K'K, [channels,places].</param>
    /// <param name="pull">Of this belief, [channels,places].</param>
    /// <returns>The step, [channels,places]; zero where the equations do not bear one.</returns>
    public Tensor Solve(Tensor open, Tensor normal, Tensor belief, Tensor pull)
    {
        var right = Pull(open) + pull;
        normal.diagonal(0, 1, 2).add_(1e-14 * normal.diagonal(0, 1, 2).mean());
        return Factorization.CholeskyOrNull(normal) is not { } factor ? zeros_like(right)
            : ConjugateGradients.Solve(right, change => Pull(Push(change)) + change * belief,
                rest => cholesky_solve(rest.unsqueeze(2), factor).squeeze(2), Products, Enough).Solution;
    }

    /// <summary>The change of dL/dW.</summary>
    private Tensor Push(Tensor change)
    {
        var passed = block.Map.Apply(block.Weight, change.reshape([1, .. block.Input])) * passing;
        var gradient = passed.reshape(block.Conv.Output, -1);
        var products = gradient.matmul(patches.t()).reshape(block.Conv.Output, change.shape[0], -1).transpose(1, 2);
        return system.matmul(change.t()) + products.reshape(-1, change.shape[0]);
    }

    /// <summary>Transposed <see cref="Push"/>, weighted.</summary>
    private Tensor Pull(Tensor open)
    {
        var weighted = open * byRow;
        var gradient = weighted.reshape(block.Conv.Output, -1, block.Input[0]).transpose(1, 2)
            .reshape(block.Conv.Output, -1).matmul(patches);
        return system.t().matmul(weighted).t()
            + block.Back(gradient.reshape([1, .. block.Output]) * passing).reshape(block.Input[0], -1);
    }
}
