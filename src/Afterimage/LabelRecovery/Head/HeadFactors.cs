using Afterimage.Federation;

namespace Afterimage.LabelRecovery;

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
    /// <summary>What the gradient is a multiple of the mean over images by, where that was looked for; otherwise 1.</summary>
    public double Size { get; private init; } = 1;

    private const int Starts = 60;
    private const double Solved = 1e-4;

    /// <summary>
    /// The features of a batch of one image, [1,features], which need no search: dL/dW = d h' and dL/db = d. Null for more images, or where
    /// no gradient tells them.
    /// </summary>
    /// <param name="gradient">Of the head's weight, [C,features].</param>
    /// <param name="biasGradient">[C].</param>
    /// <param name="batch">Images.</param>
    public static Tensor? Single(Tensor gradient, Tensor biasGradient, int batch) =>
        batch == 1 && biasGradient.square().sum() is var square && square.ToDouble() > 0
            ? (biasGradient.matmul(gradient) / square).unsqueeze(0) : null;

    /// <param name="gradient">Of the head's weight, [C,features], a mean over the batch.</param>
    /// <param name="biasGradient">[C].</param>
    /// <param name="weight">[C,features].</param>
    /// <param name="bias">[C].</param>
    /// <param name="targets">[B,C].</param>
    /// <param name="samples">Features of plausible images, [N,features]: where the search starts.</param>
    /// <param name="random">The stream of this restart.</param>
    /// <param name="starts">Starts tried at most.</param>
    /// <param name="sized">Whether the size of the gradient, near 1, is one more unknown.</param>
    /// <returns>Null when the batch is too large for the head or no start fits.</returns>
    public static HeadFactors? Find(Tensor gradient, Tensor biasGradient, Tensor weight, Tensor bias, Tensor targets,
        Tensor samples, RandomSource random, int starts = Starts, bool sized = false)
    {
        var (batch, classes) = ((int)targets.shape[0], (int)targets.shape[1]);
        if (batch >= classes || batch > gradient.shape[1])
            return null;
        var (_, strengths, directions) = Factorization.Svd(gradient, "The head's weight gradient");
        if (!(strengths[batch - 1].ToDouble() > 1e-7 * strengths[0].ToDouble()))
            return null;
        var basis = directions.narrow(0, 0, batch);
        var coordinates = samples.matmul(basis.t());
        var problem = new SoftmaxFit(batch, classes, Numbers(gradient.matmul(basis.t())), Numbers(biasGradient),
            Numbers(weight.matmul(basis.t())), Numbers(bias), Numbers(targets), Numbers(strengths.narrow(0, 0, batch)), sized);
        var from = Numbers(coordinates);
        var draw = random.Derive("head").Managed();
        double[]? best = null;
        var least = double.PositiveInfinity;
        for (var start = 0; start < starts && least > Solved; start++)
        {
            var point = new double[batch * batch + (sized ? 1 : 0)];
            point[^1] = 1;
            for (var i = 0; i < batch; i++)
                Array.Copy(from, draw.Next((int)samples.shape[0]) * batch, point, i * batch, batch);
            var residual = problem.Solve(point);
            if (residual < least)
                (best, least) = (point, residual);
        }
        if (best is null || least > Solved)
            return null;
        var found = tensor(best[..(batch * batch)], [batch, batch]);
        var logits = found.matmul(weight.matmul(basis.t()).t()) + bias;
        return new(found.matmul(basis), logits.softmax(1) - targets, least) { Size = sized ? 1 / best[^1] : 1 };
    }

    private static double[] Numbers(Tensor tensor) => tensor.contiguous().data<double>().ToArray();
}
