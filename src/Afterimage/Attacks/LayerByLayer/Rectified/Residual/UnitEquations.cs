using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// All that is linear in the input of a residual unit once its ReLUs are known, each equation weighted by its error: what leaves where
/// that is not zero, dL/dW of the second convolution through what it takes in, and dL/dW of the first and of the shortcut's.
/// </summary>
internal sealed class UnitEquations
{
    private const int Products = 1500;

    /// <summary>An error of more than this share of the input leaves it open.</summary>
    private const double Determined = 0.01;

    private readonly ResidualUnit unit;
    private readonly LayerMap map;
    private readonly Tensor gates;
    private readonly Tensor outputs;
    private readonly List<(Tensor Matrix, Tensor Weights, Tensor Target)> parts = [];
    private readonly (Tensor Matrix, Tensor Weights, Tensor Target) inside;
    private readonly Tensor normal;

    /// <param name="unit">In double precision.</param>
    /// <param name="gates">Between its convolutions, [1,*Second.Input].</param>
    /// <param name="first">dL/dz of the first, [1,*First.Output].</param>
    /// <param name="sum">dL/d sum, [1,*Leaving].</param>
    /// <param name="outputs">Weights of what leaves, [1,*Leaving].</param>
    /// <param name="firstTrust">Of the channels of the first convolution, [channels].</param>
    /// <param name="secondTrust">Of the channels of the second, [channels].</param>
    public UnitEquations(ResidualUnit unit, Tensor gates, Tensor first, Tensor sum, Tensor outputs, Tensor firstTrust, Tensor secondTrust)
    {
        (this.unit, map, this.gates, this.outputs) = (unit, unit.First.Map, gates, outputs);
        parts.Add(Part(unit.First, first, firstTrust));
        if (unit.Projection is { } projection)
            parts.Add(Part(projection, sum * projection.Scale, ones(projection.Conv.Output, sum.dtype)));
        inside = Part(unit.Second, sum * unit.Second.Scale, secondTrust);
        normal = parts.Select(part => (part.Matrix * part.Weights).t().matmul(part.Matrix)).Aggregate((total, part) => total + part);
    }

    /// <summary>The right side that an output makes.</summary>
    public Tensor Right(Tensor output)
    {
        var zero = zeros([1, .. unit.Input], output.dtype);
        var still = gates * unit.First.Before(zero);
        return Pull(output - unit.Before(zero, still), inside.Target - unit.Second.Times(inside.Matrix, still),
            [.. parts.Select(part => part.Target)]);
    }

    /// <summary>A right side of nothing but errors.</summary>
    public Tensor Noise(Generator generator)
    {
        Tensor Errors(Tensor weights, long[] shape) =>
            where(weights > 0, randn(shape, weights.dtype, generator: generator) / weights.sqrt(), 0);
        return Pull(Errors(outputs, outputs.shape), Errors(inside.Weights, inside.Target.shape),
            [.. parts.Select(part => Errors(part.Weights, part.Target.shape))]);
    }

    /// <summary>
    /// The input by the weight gradients of the first convolution and of the shortcut's alone, which are the same for every channel, and
    /// how far errors move it, [1,*Input]; null where they do not determine it.
    /// </summary>
    public (Tensor Input, Tensor Spread)? Alone()
    {
        Tensor Left(Tensor x) => parts.Select(part => (part.Matrix * part.Weights).t().matmul(part.Target - part.Matrix.matmul(x)))
            .Aggregate((total, part) => total + part);
        var regular = normal.clone();
        regular.diagonal().add_(1e-13 * normal.diagonal().mean() + 1e-300);
        if (Factorization.CholeskyOrNull(regular) is not { } factor)
            return null;
        var spread = cholesky_inverse(factor).diagonal().clamp_min(0).sqrt();
        var found = cholesky_solve(Left(zeros([normal.shape[0], unit.Input[0]], normal.dtype)), factor);
        for (var i = 0; i < 2; i++)
            found += cholesky_solve(Left(found), factor);
        return !(spread.max() < Determined * found.square().mean().sqrt()).ToBoolean() ? null
            : (map.Image(found), spread.reshape(1, 1, unit.Input[1], unit.Input[2]).expand([1, .. unit.Input]));
    }

    /// <summary>The input for a right side.</summary>
    /// <param name="right">[1,*Input].</param>
    /// <param name="start">Where to begin; null for zero.</param>
    /// <param name="enough">As <see cref="ConjugateGradients"/> say.</param>
    /// <param name="stop">Ends it between two products.</param>
    public Tensor Solve(Tensor right, Tensor? start, double enough, CancellationToken stop)
    {
        var stiff = normal.clone();
        var typical = normal.diagonal().mean().ToDouble();
        var along = (right * Product(right)).sum().ToDouble() / right.square().sum().ToDouble();
        stiff.diagonal().add_(Math.Max(1e-12 * typical, along - typical));
        return Factorization.CholeskyOrNull(stiff) is not { } factor ? start?.clone() ?? zeros_like(right)
            : ConjugateGradients.Solve(right, Product, rest => map.Image(cholesky_solve(map.Columns(rest), factor)),
                Products, enough, start, stop).Solution;
    }

    private Tensor Product(Tensor x)
    {
        var middle = gates * unit.First.Multiply(x);
        return Pull(unit.Second.Multiply(middle) + unit.Aside(x), unit.Second.Times(inside.Matrix, middle), [])
            + map.Image(map.Times(normal, x));
    }

    private Tensor Pull(Tensor sum, Tensor gradient, Tensor[] others)
    {
        var weighted = sum * outputs;
        var middle = unit.Second.Transpose(weighted) + unit.Second.Map.Image(inside.Matrix.t().matmul(gradient * inside.Weights));
        var pulled = unit.First.Transpose(middle * gates) + unit.Return(weighted);
        return parts.Zip(others).Aggregate(pulled, (total, pair) =>
            total + map.Image(pair.First.Matrix.t().matmul(pair.Second * pair.First.Weights)));
    }

    private static (Tensor, Tensor, Tensor) Part(RectifiedBlock block, Tensor arriving, Tensor trust)
    {
        var target = block.Target;
        var error = block.Noise * block.Noise * target.square().mean();
        return (block.System(arriving), trust.repeat_interleave(block.Equations / trust.shape[0], 0).unsqueeze(1) / error, target);
    }
}
