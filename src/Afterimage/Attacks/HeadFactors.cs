using Afterimage.Federation;

namespace Afterimage.Attacks;

/// <summary>
/// The gradient of the final linear layer taken apart into its images. It is the mean of d_i h_i' with d_i = softmax(W h_i + b) - t_i,
/// so it has the rank of the batch and spans the features h_i; inside that span the softmax says which they are: B^2 unknowns,
/// (B + 1)(C - 1) equations. Below C images every feature vector is therefore known, also of images with one label.
/// </summary>
/// <param name="Features">h_i, [B,features].</param>
/// <param name="Errors">d_i, [B,classes].</param>
/// <param name="Residual">What the factors leave of the head's gradient, relative to it in each direction.</param>
internal sealed record HeadFactors(Tensor Features, Tensor Errors, double Residual)
{
    private const int Starts = 60;
    private const double Solved = 1e-4;
    private const int Samples = 64;

    /// <param name="gradient">Of the head's weight, [C,features], a mean over the batch.</param>
    /// <param name="biasGradient">[C].</param>
    /// <param name="weight">[C,features].</param>
    /// <param name="bias">[C].</param>
    /// <param name="targets">[B,C].</param>
    /// <param name="samples">Features of plausible images, [N,features]: where the search starts.</param>
    /// <param name="random">The stream of this restart.</param>
    /// <returns>Null when the batch is too large for the head or no start fits.</returns>
    public static HeadFactors? Find(Tensor gradient, Tensor biasGradient, Tensor weight, Tensor bias, Tensor targets,
        Tensor samples, RandomSource random)
    {
        var (batch, classes) = ((int)targets.shape[0], (int)targets.shape[1]);
        if (batch >= classes || batch > gradient.shape[1])
            return null;
        var (_, strengths, directions) = linalg.svd(gradient, fullMatrices: false);
        if (!(strengths[batch - 1].ToDouble() > 1e-7 * strengths[0].ToDouble()))
            return null;
        var basis = directions.narrow(0, 0, batch);
        var coordinates = samples.matmul(basis.t());
        var problem = new SoftmaxFit(batch, classes, Numbers(gradient.matmul(basis.t())), Numbers(biasGradient),
            Numbers(weight.matmul(basis.t())), Numbers(bias), Numbers(targets), Numbers(strengths.narrow(0, 0, batch)));
        var starts = Numbers(coordinates);
        var draw = random.Derive("head").Managed();
        double[]? best = null;
        var least = double.PositiveInfinity;
        for (var start = 0; start < Starts && least > Solved; start++)
        {
            var point = new double[batch * batch];
            for (var i = 0; i < batch; i++)
                Array.Copy(starts, draw.Next((int)samples.shape[0]) * batch, point, i * batch, batch);
            var residual = problem.Solve(point);
            if (residual < least)
                (best, least) = (point, residual);
        }
        if (best is null || least > Solved)
            return null;
        var found = tensor(best, [batch, batch]);
        var logits = found.matmul(weight.matmul(basis.t()).t()) + bias;
        return new(found.matmul(basis), logits.softmax(1) - targets, least);
    }

    /// <summary>The head taken apart, under the first labels that fit: only true ones do.</summary>
    /// <param name="context">The round, in double precision.</param>
    /// <param name="statistics">Draws plausible images, whose features start the search.</param>
    /// <param name="labels">As recovered.</param>
    /// <returns>The labels that fit, and null where none do.</returns>
    public static (Labels Labels, HeadFactors? Head) Read(AttackContext context, ImageStatistics statistics, Labels labels)
    {
        if (context.Model.Head is not (var weight, { } bias))
            return (labels, null);
        var update = context.Observation.Update;
        using var generator = context.Random.Derive("features").Generator(context.Model.Device);
        var z = randn([Samples, context.Model.Input.Count], ScalarType.Float64, generator: generator);
        var draws = statistics.Synthesize(z) + statistics.Mean;
        var targets = labels.Targets(context.Model.Classes, ScalarType.Float64, context.Model.Device).narrow(0, 0, 1);
        var samples = new List<Tensor>();
        for (var i = 0; i < Samples; i++)
        {
            // The gradient of one image is d h', and d is the gradient of the bias.
            var gradient = context.Operator.At(draws.narrow(0, i, 1), targets).Value;
            var error = gradient[bias];
            samples.Add(error.unsqueeze(0).matmul(gradient[weight]).squeeze(0) / error.square().sum());
        }
        var features = stack([.. samples]);
        foreach (var candidate in Plausible(labels, context.Model.Classes))
            if (Find(update[weight], update[bias], context.Model.Parameters[weight].detach(),
                context.Model.Parameters[bias].detach(), candidate.Targets(context.Model.Classes, ScalarType.Float64, context.Model.Device),
                features, context.Random) is { } head)
                return (candidate, head);
        return (labels, null);
    }

    /// <summary>The labels, then those in which one uncertain label is another class.</summary>
    private static IEnumerable<Labels> Plausible(Labels labels, int classes)
    {
        yield return labels;
        for (var i = 0; i < labels.Classes.Count; i++)
            for (var c = 0; c < classes && labels.Confidence[i] < 1; c++)
                if (c != labels.Classes[i])
                    yield return labels with { Classes = labels.Classes.Select((old, j) => j == i ? c : old).ToSeq() };
    }

    private static double[] Numbers(Tensor tensor) => tensor.contiguous().data<double>().ToArray();
}
