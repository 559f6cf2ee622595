using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>What is known of one layer's values: an estimate and how precise each number of it is (1 / variance; 0 for unknown).</summary>
internal readonly record struct Estimate(Tensor Value, Tensor Precision);

/// <summary>The solution of one layer's equations, and what can be said of them.</summary>
/// <param name="Input">The layer's input.</param>
/// <param name="Rank">Directions of the input that the equations determine, of <see cref="Stage.Unknowns"/>.</param>
/// <param name="Condition">Largest over smallest singular value of the equations, each divided by its expected error.</param>
/// <param name="Residual">What the solution leaves of the layer's weight gradient, relative.</param>
internal sealed record InputSolution(Estimate Input, long Rank, double Condition, double Residual);

/// <summary>
/// The equations for the input x of one layer of a single image (Zhu and Blaschko, ICLR 2021): weight constraints W x = z - b, and
/// gradient constraints K x = dL/dW, where K is made of dL/dz. Each equation counts by its expected error; zeros of the padding
/// never enter. Solved by Cholesky factorization of the normal equations with one step of refinement.
/// </summary>
internal static class InputSystem
{
    /// <summary>Rounding of single precision, relative.</summary>
    private const double Rounding = 1.0 / (1 << 24);

    private const string Name = "The normal matrix of a layer's equations";
    private const int Probes = 24;

    /// <summary>Inputs beyond which the dense normal equations would take too long.</summary>
    public const int LargestUnknowns = 8192;

    /// <param name="stage">A linear or convolution layer.</param>
    /// <param name="preActivationGradient">dL/dz of shape [1,*Output].</param>
    /// <param name="output">What is known of z.</param>
    /// <param name="random">Draws the probes that estimate the error.</param>
    public static InputSolution Solve(Stage stage, Tensor preActivationGradient, Estimate output, RandomSource random) =>
        stage.Layer is Linear ? SolveLinear(stage, preActivationGradient) : SolveConvolution(stage, preActivationGradient, output, random);

    private static InputSolution SolveLinear(Stage stage, Tensor preActivationGradient)
    {
        var square = preActivationGradient.square().sum();
        var x = preActivationGradient.matmul(stage.WeightGradient!) / square;
        var precision = ones_like(x) * square / GradientVariance(stage);
        var residual = Relative(stage.Map.WeightGradient(x, preActivationGradient) - stage.WeightGradient!, stage.WeightGradient!);
        return new(new(x, precision), stage.Unknowns, 1, residual);
    }

    private static InputSolution SolveConvolution(Stage stage, Tensor preActivationGradient, Estimate output, RandomSource random)
    {
        var (map, weight) = (new ConvolutionMap((Conv2d)stage.Layer, stage.Input), stage.Weight!);
        var (system, target) = (map.System(preActivationGradient), map.Target(stage.WeightGradient!));
        var gradientPrecision = 1 / GradientVariance(stage);
        var z = stage.Bias is { } bias ? output.Value - bias.view(1, -1, 1, 1) : output.Value;

        var normal = WeightNormal(map, weight, output.Precision);
        var block = system.t().matmul(system) * gradientPrecision;
        for (var c = 0; c < map.Channels; c++)
            normal.narrow(0, c * map.Places, map.Places).narrow(1, c * map.Places, map.Places).add_(block);
        var (factor, ridge) = Factor(normal);

        Tensor Descent(Tensor x)
        {
            var byWeights = map.Transpose(weight, (z - map.Apply(weight, x)) * output.Precision).reshape(-1);
            var byGradient = system.t().matmul(target - map.Times(system, x)).t().reshape(-1) * gradientPrecision;
            return (byWeights + byGradient).view(-1, 1);
        }

        long[] shape = [1, .. stage.Input];
        var x = zeros(shape, ScalarType.Float64);
        for (var refinement = 0; refinement < 2; refinement++)
            x = x + cholesky_solve(Descent(x), factor).view(shape);
        var residual = Relative(map.Times(system, x) - target, target);
        var (largest, smallest) = Extremes(normal, factor, random);
        var rank = smallest > 100 * ridge ? stage.Unknowns : Factorization.EigenValues(normal, Name).gt(100 * ridge).sum().ToInt64();
        return new(new(x, Precision(factor, random).view(shape)), rank, Math.Sqrt(largest / smallest), residual);
    }

    /// <summary>W' diag(precision) W, gathered window by window: each window's outputs see only its own inputs.</summary>
    private static Tensor WeightNormal(ConvolutionMap map, Tensor weight, Tensor precision)
    {
        var n = map.Input[0] * map.Places;
        var normal = new double[n * n];
        var (rows, precisions) = (weight.flatten(1), precision.flatten(2)[0]);
        var windows = map.Reads().t().contiguous().data<long>().ToArray().Chunk((int)rows.shape[1]).ToArray();
        for (var place = 0; place < windows.Length; place++)
        {
            using var scope = Tidy.Scope();
            var window = windows[place];
            var block = (rows * precisions.narrow(1, place, 1)).t().matmul(rows).data<double>().ToArray();
            for (var i = 0; i < window.Length; i++)
                for (var j = 0; j < window.Length && window[i] > 0; j++)
                    if (window[j] > 0)
                        normal[(window[i] - 1) * n + window[j] - 1] += block[i * window.Length + j];
        }
        return tensor(normal).view(n, n);
    }

    /// <summary>The Cholesky factor, after adding the smallest ridge with which there is one.</summary>
    private static (Tensor Factor, double Ridge) Factor(Tensor normal)
    {
        var mean = normal.diagonal().mean().ToDouble();
        for (var (ridge, before) = (1e-13 * mean, 0.0); ; (ridge, before) = (100 * ridge, ridge))
        {
            normal.diagonal().add_(ridge - before);
            if ((ridge < mean ? Factorization.CholeskyOrNull(normal) : Factorization.Cholesky(normal, Name)) is { } factor)
                return (factor, ridge);
        }
    }

    private static Tensor Precision(Tensor factor, RandomSource random)
    {
        using var generator = random.Derive("probes").Generator(CPU);
        var probes = randn([factor.shape[0], Probes], ScalarType.Float64, CPU, generator: generator);
        var samples = linalg.solve_triangular(factor.t(), probes, upper: true);
        return 1 / samples.square().mean([1]);
    }

    private static (double Largest, double Smallest) Extremes(Tensor normal, Tensor factor, RandomSource random)
    {
        using var generator = random.Derive("extremes").Generator(CPU);
        var top = randn([normal.shape[0], 1], ScalarType.Float64, CPU, generator: generator);
        var bottom = randn([normal.shape[0], 1], ScalarType.Float64, CPU, generator: generator);
        var (largest, smallest) = (0.0, 0.0);
        for (var i = 0; i < 12; i++)
        {
            (top, bottom) = (normal.matmul(top), cholesky_solve(bottom, factor));
            (largest, smallest) = (top.norm().ToDouble(), 1 / bottom.norm().ToDouble());
            (top, bottom) = (top / largest, bottom * smallest);
        }
        return (largest, smallest);
    }

    /// <summary>Expected squared error of one number of the layer's weight gradient.</summary>
    private static double GradientVariance(Stage stage) => stage.WeightGradient!.square().mean().ToDouble() * Rounding * Rounding;

    private static double Relative(Tensor difference, Tensor reference) => (difference.norm() / reference.norm()).ToDouble();
}
