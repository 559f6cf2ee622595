namespace Afterimage.Attacks;

/// <summary>
/// Newton's step for the input of a convolution with GroupNorm: dL/dz depends on the input through z' and the deviation of every group,
/// so that dL/dW is no longer linear in it. What leaves the layer joins where it is known.
/// </summary>
internal sealed class GroupStep
{
    private const int Products = 1500;
    private const double Enough = 1e-16;

    private readonly RectifiedBlock block;
    private readonly RectifiedBlock near;
    private readonly GroupPoint point;
    private readonly Tensor input;
    private readonly Tensor system;
    private readonly Tensor byRow;
    private readonly Tensor byOutput;
    private readonly Tensor patches;
    private readonly Tensor passing;
    private readonly Tensor arriving;

    /// <param name="block">With GroupNorm.</param>
    /// <param name="input">[1,*Input].</param>
    /// <param name="arriving">dL/dz there, [1,*Output].</param>
    /// <param name="on">Where z' is known from what leaves, [1,*Output].</param>
    /// <param name="byRow">Weights of the numbers of dL/dW, [Equations,1].</param>
    /// <param name="byOutput">Weights of what leaves, [1,*Output].</param>
    public GroupStep(RectifiedBlock block, Tensor input, Tensor arriving, Tensor on, Tensor byRow, Tensor byOutput)
    {
        (this.block, near, this.arriving, this.byRow, this.byOutput) = (block, block.Near(input), arriving, byRow, byOutput);
        this.input = input / input.norm();
        point = near.Group!.Point!;
        system = block.System(arriving);
        patches = block.Map.Patches(input);
        passing = block.Group!.Slope * (on - 1) / point.Deviation.square();
    }

    /// <param name="open">What is left of dL/dW, [Equations,channels].</param>
    /// <param name="left">What is left of what leaves, [1,*Output].</param>
    /// <returns>The step, [1,*Input]; null where the equations do not bear one.</returns>
    public Tensor? Solve(Tensor open, Tensor left)
    {
        var map = block.Map;
        var right = Unscaled(Pull(open, left));
        var normal = (system * byRow).t().matmul(system);
        var typical = normal.diagonal().mean().ToDouble();
        var along = (right * Product(right)).sum().ToDouble() / right.square().sum().ToDouble();
        normal.diagonal().add_(Math.Max(1e-12 * typical, 1e-3 * along));
        return Factorization.CholeskyOrNull(normal) is not { } factor ? null
            : ConjugateGradients.Solve(right, change => Unscaled(Product(change)),
                rest => Unscaled(map.Image(cholesky_solve(map.Columns(rest), factor))), Products, Enough).Solution;
    }

    /// <summary>Without a bias equations leave the scale open, but for what GroupNorm adds to variances: no step goes along it.</summary>
    private Tensor Unscaled(Tensor change) => block.Bias is null ? change - input * (change * input).sum() : change;

    private Tensor Product(Tensor change)
    {
        var (gradient, output) = Push(change);
        return Pull(gradient, output);
    }

    /// <summary>The change of dL/dW and of what leaves.</summary>
    private (Tensor Gradient, Tensor Output) Push(Tensor change)
    {
        var z = block.Map.Apply(block.Weight, change);
        var free = point.Free(z);
        var moved = passing * free - arriving * point.Over(z * point.Standard) / point.Deviation;
        var products = moved.reshape(block.Conv.Output, -1).matmul(patches.t()).reshape(block.Conv.Output, block.Input[0], -1)
            .transpose(1, 2).reshape(-1, block.Input[0]);
        return (block.Times(system, change) + products, free * near.Scale);
    }

    /// <summary>Transposed <see cref="Push"/>, weighted.</summary>
    private Tensor Pull(Tensor open, Tensor left)
    {
        var weighted = open * byRow;
        var moved = weighted.reshape(block.Conv.Output, -1, block.Input[0]).transpose(1, 2).reshape(block.Conv.Output, -1)
            .matmul(patches).reshape([1, .. block.Output]);
        var z = point.Free(moved * passing + left * byOutput * near.Scale)
            - point.Over(moved * arriving) * point.Standard / point.Deviation;
        return block.Map.Image(system.t().matmul(weighted)) + block.Back(z);
    }
}
