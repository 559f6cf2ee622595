using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// A linear layer with far more outputs than a batch has images, as a smaller one with the same row space: dL/dW has the rank of the
/// batch, so that few random mixtures of its rows hold all of it (randomized range finder, Halko et al., 2011).
/// </summary>
/// <param name="Layer">With mixtures for outputs.</param>
/// <param name="Rows">dL/dW is these times the mixtures, [outputs, mixtures]; null where the layer is as it was.</param>
internal sealed record RowMixture(BatchLayer Layer, Tensor? Rows)
{
    /// <summary>Mixtures for every image and beyond, and how many outputs for every mixture are worth it.</summary>
    private const int PerImage = 2, Beyond = 16, Worth = 3;

    private const int Iterations = 2;

    public static RowMixture Of(Linear linear, Tensor weightGradient, Tensor biasGradient, int batch, RandomSource random)
    {
        var whole = BatchLayer.Of(linear, weightGradient, biasGradient);
        var mixtures = Math.Min(PerImage * batch + Beyond, linear.Input);
        if (linear.Output < Worth * mixtures)
            return new(whole, null);
        using var scope = Tidy.Scope();
        var weights = whole.RowWeights();
        using var generator = random.Derive("mixtures").Generator(CPU);
        var range = randn([mixtures, linear.Input], ScalarType.Float64, CPU, generator: generator);
        var basis = weights;
        for (var i = 0; i < Iterations; i++)
        {
            basis = linalg.qr(weightGradient.matmul(range.t()) * weights).Q;
            range = (basis * weights).t().matmul(weightGradient);
        }
        var sums = (basis * weights).t().matmul(biasGradient);
        var mixed = BatchLayer.Of(linear with { Output = (int)mixtures }, range, sums);
        mixed.WeightGradient.MoveToOuterDisposeScope();
        sums.MoveToOuterDisposeScope();
        return new(mixed, (basis / weights).MoveToOuterDisposeScope());
    }

    /// <summary>dL/dz of the layer, [N,outputs], for that of the mixtures, [N,mixtures].</summary>
    public Tensor Whole(Tensor gradients) => Rows is null ? gradients : gradients.matmul(Rows.t());
}
