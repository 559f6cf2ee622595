namespace Afterimage.Attacks;

/// <summary>
/// What doubt about the places of maxima does to a weight gradient. dL/dW of a channel is the sum over its windows of dL/d maximum times
/// the patch at the place of the maximum, so that a window whose place is in doubt adds an error along the differences of its patches:
/// few directions of many. Equations along all others count in full. Once the image is nearly right what is left tells the places
/// themselves, each weighed against the doubt of all others, as a receiver tells the users of one channel apart.
/// </summary>
/// <param name="block">With pooling and without GroupNorm.</param>
/// <param name="windows">Of its pooling.</param>
/// <param name="strengths">dL/d maximum times the scale behind the convolution, [B * C,windows,1].</param>
/// <param name="floor">Error of dL/dW without any doubt.</param>
internal sealed class MaximaDoubt(RectifiedBlock block, PoolingWindows windows, Tensor strengths, double floor) : IDisposable
{
    /// <summary>Numbers of a patch beyond which a covariance of every channel takes too long.</summary>
    private const long LargestPatch = 400;

    /// <summary>A window is in doubt if the likeliest place is wrong with at least this probability.</summary>
    private const double Least = 1e-6;

    /// <summary>No vote counts more than this, as a logarithm.</summary>
    private const double MostVote = 50;

    /// <summary>Least noise relative to the largest doubt: taking a window out of the covariance loses twice as many digits.</summary>
    private const double Clearest = 1e-7;
    private const int Bisections = 40;

    private readonly long channels = block.Conv.Output;

    private Tensor? precision;

    public static bool Fits(RectifiedBlock block) => block is { Pool: not null, Batch: null, Group: null, Conv.Groups: 1 }
        && PatchSize(block) <= LargestPatch && block.WeightGradient.norm().ToDouble() > 0;

    /// <summary>Logarithms of how much likelier each place makes what is left, [B * C,windows,places]; in the caller's scope.</summary>
    /// <param name="x">What the block takes in, [B,*Input].</param>
    /// <param name="beliefs">In the places, [B * C,windows,places].</param>
    /// <param name="open">What is left of dL/dW, [outputs,inputs,kernel,kernel].</param>
    /// <param name="variance">Of the errors of x.</param>
    public Tensor See(Tensor x, Tensor beliefs, Tensor open, double variance)
    {
        var votes = zeros_like(beliefs);
        using var scope = Tidy.Scope();
        var (size, images) = (PatchSize(block), x.shape[0]);
        var patches = Enumerable.Range(0, (int)images).Select(n => block.Map.Patches(x.narrow(0, n, 1)).t().contiguous()).ToArray();
        var precisions = empty([channels, size, size], x.dtype);
        var spread = strengths.square().squeeze(2) * (1 - beliefs.square().sum([2]));
        var noises = (spread.sum([1]).reshape(images, channels).sum([0]) * variance + floor * floor).data<double>().ToArray();
        for (var channel = 0L; channel < channels; channel++)
        {
            using var own = Tidy.Scope();
            var doubts = Enumerable.Range(0, (int)images)
                .Select(n => Doubtful(n * channels + channel, patches[n], beliefs)).OfType<Doubt>().ToArray();
            var covariance = zeros([size, size], x.dtype);
            foreach (var doubt in doubts)
            {
                var rows = (doubt.Differences * doubt.Beliefs.sqrt().unsqueeze(2)).reshape(-1, size);
                covariance.add_(rows.t().matmul(rows));
            }
            var left = open[channel].reshape(-1, 1);
            var inverse = Inverse(covariance, left, noises[channel]);
            precisions[channel].copy_(inverse);
            foreach (var doubt in doubts)
                votes[doubt.Row].index_copy_(0, doubt.Windows, Votes(doubt, inverse, left));
        }
        Kept.Replace(ref precision, precisions);
        return votes;
    }

    /// <summary>A weight gradient times the inverse of its covariance at the last point.</summary>
    public Tensor Weigh(Tensor gradient) => precision!.matmul(gradient.reshape(channels, -1, 1)).reshape(gradient.shape);

    public void Dispose() => precision?.Dispose();

    private static long PatchSize(RectifiedBlock block) => block.Weight.numel() / block.Conv.Output;

    /// <summary>The windows of one channel of one image that are in doubt; null where none is.</summary>
    private Doubt? Doubtful(long row, Tensor patches, Tensor beliefs)
    {
        var (all, strength) = (beliefs[row], strengths[row]);
        var found = (((1 - all.amax([1])) > Least) & (strength.squeeze(1) != 0)).nonzero().squeeze(1);
        if (found.numel() == 0)
            return null;
        var (own, places) = (all.index_select(0, found), windows.Places.reshape(all.shape).index_select(0, found));
        var seen = patches.index_select(0, places.reshape(-1)).reshape([.. own.shape, patches.shape[1]]);
        var mean = (seen * own.unsqueeze(2)).sum([1], keepdim: true);
        return new(row, found, own, (seen - mean) * strength.index_select(0, found).unsqueeze(2));
    }

    /// <summary>
    /// The inverse of a covariance and the least noise on top of it with which what is left is no larger than it should be.
    /// </summary>
    private static Tensor Inverse(Tensor covariance, Tensor left, double noise)
    {
        var (values, vectors) = Factorization.Eigen(covariance, "The covariance of a weight gradient");
        values = values.clamp_min(0);
        var (spread, squares) = (values.data<double>().ToArray(), vectors.t().matmul(left).square().reshape(-1).data<double>().ToArray());
        noise = Math.Max(noise, Clearest * spread.Max());
        double Size(double added) => squares.Zip(spread, (square, value) => square / (value + added)).Average();
        if (Size(noise) > 1)
        {
            var (low, high) = (Math.Log(noise), Math.Log(noise + squares.Average()) + 1);
            for (var i = 0; i < Bisections; i++)
            {
                var middle = (low + high) / 2;
                (low, high) = Size(Math.Exp(middle)) > 1 ? (middle, high) : (low, middle);
            }
            noise = Math.Exp(high);
        }
        return (vectors / (values + noise)).matmul(vectors.t());
    }

    /// <summary>Each window against the covariance of all others: its own is taken out (Woodbury).</summary>
    private static Tensor Votes(Doubt doubt, Tensor inverse, Tensor left)
    {
        var weighed = doubt.Differences.matmul(inverse);
        var own = weighed.matmul(doubt.Differences.transpose(1, 2));
        var places = own.shape[1];
        var without = eye(places, dtype: own.dtype) - own * doubt.Beliefs.unsqueeze(1);
        var found = Factorization.Solve(without, cat([own, weighed.matmul(left)], 2), "The covariance without one window");
        var fit = found.narrow(2, places, 1).squeeze(2) - found.narrow(2, 0, places).diagonal(0, 1, 2) / 2;
        return fit.nan_to_num(0).clamp(-MostVote, MostVote);
    }

    /// <param name="Row">Image and channel.</param>
    /// <param name="Windows">In doubt.</param>
    /// <param name="Beliefs">In their places, [windows,places].</param>
    /// <param name="Differences">What each place adds to dL/dW, without the mean over all, [windows,places,numbers].</param>
    private sealed record Doubt(long Row, Tensor Windows, Tensor Beliefs, Tensor Differences);
}
