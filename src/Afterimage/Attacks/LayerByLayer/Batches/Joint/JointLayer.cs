namespace Afterimage.Attacks;

/// <summary>
/// The inputs of a whole batch at one convolution whose dL/dz is known for every image: dL/dW is their sum over images, linear in all
/// inputs at once, and every input channel has the same equations.
/// </summary>
internal sealed class JointLayer
{
    /// <summary>A share of a gradient that is farther than this from none and from all decides nothing.</summary>
    private const double Ambiguous = 0.25;

    /// <summary>Places for every number of a patch up to which dL/dz of all of them follows from the inputs.</summary>
    private const double Spare = 0.7;

    /// <summary>Beyond that so many places of one channel are decided together.</summary>
    private const int MostDoubts = 64;

    /// <summary>An error of more than this share of the inputs leaves them open.</summary>
    private const double Determined = 0.01;

    /// <summary>
    /// Pivots below this share of the diagonal are rounding. What equations leave open comes out so large that its error looks small.
    /// </summary>
    private const double LeastPivot = 1e-11;

    private readonly RectifiedBlock block;

    // In units of the errors of dL/dW.
    private readonly Tensor system;
    private readonly Tensor target;

    /// <param name="block">In double precision.</param>
    /// <param name="preActivationGradient">dL/dz, [B,*Output].</param>
    public JointLayer(RectifiedBlock block, Tensor preActivationGradient)
    {
        this.block = block;
        var level = block.Target.square().mean().sqrt() * block.Noise;
        target = block.Target / level;
        system = cat([.. Enumerable.Range(0, (int)preActivationGradient.shape[0])
            .Select(n => block.System(preActivationGradient.narrow(0, n, 1) / level))], 1);
    }

    /// <summary>All inputs by least squares, [B,*Input]; null where they are not determined.</summary>
    /// <param name="channels">Which output channels count, [outputs]; null for all.</param>
    /// <param name="other">Another layer that takes in the same; null for none.</param>
    /// <param name="hidden">Places, [sets,H * W], whose common constant no equation tells: it is taken for zero; null for none.</param>
    public Tensor? Solve(Tensor? channels = null, JointLayer? other = null, Tensor? hidden = null)
    {
        using var scope = Tidy.Scope();
        if (system.shape[0] + (other?.system.shape[0] ?? 0) < system.shape[1])
            return null;
        Tensor Left(Tensor x) => Rows(channels).t().matmul(target - system.matmul(x)) + (other is null ? 0
            : other.system.t().matmul(other.target - other.system.matmul(x)));
        var normal = Normal(channels);
        if (other is not null)
            normal = normal + other.Normal();
        if (hidden?.repeat(1, system.shape[1] / block.Places) is { } constants)
            normal.addmm_(constants.t(), constants * (normal.diagonal().mean() / constants.sum(1, keepdim: true)));
        normal.diagonal().add_(1e-13 * normal.diagonal().mean() + 1e-300);
        if (Factorization.CholeskyOrNull(normal) is not { } factor)
            return null;
        if (!(factor.diagonal().square().min() > LeastPivot * normal.diagonal().mean()).ToBoolean())
            return null;
        var spread = cholesky_inverse(factor).diagonal().clamp_min(0).sqrt();
        var found = cholesky_solve(Left(zeros([system.shape[1], block.Input[0]], ScalarType.Float64)), factor);
        found += cholesky_solve(Left(found), factor);
        if (!((spread.max() < Determined * found.square().mean().sqrt()).ToBoolean()))
            return null;
        Error = spread.reshape(-1, 1, block.Input[1], block.Input[2]).expand([-1, .. block.Input]).clone().MoveToOuterDisposeScope();
        return Image(found).MoveToOuterDisposeScope();
    }

    /// <summary>Standard deviations of the last solution for rounding of dL/dW, [B,*Input]; null where there is none.</summary>
    public Tensor? Error { get; private set; }

    /// <summary>What inputs leave of dL/dW in every output channel, relative to its root mean square, [outputs].</summary>
    public Tensor Left(Tensor x) => Tidy.Keep(() =>
        (system.matmul(Columns(x)) - target).reshape(block.Conv.Output, -1).square().mean([1]).sqrt() * block.Noise);

    /// <summary>
    /// Which gates are open, once the inputs are known: dL/dW of a channel is linear in its dL/dz, and tells those whose gradient is large
    /// enough to matter; the others stay as they are believed.
    /// </summary>
    /// <param name="x">[B,*Input].</param>
    /// <param name="open">dL/dz where every gate is open, [B,*Output].</param>
    /// <param name="gates">As believed, [B,*Output].</param>
    /// <param name="values">
    /// What the gates were read from, in units of their doubt: where places are many, those near one are looked at.
    /// </param>
    /// <param name="channels">Output channels that are looked at, [outputs].</param>
    public Tensor Decide(Tensor x, Tensor open, Tensor gates, Tensor values, Tensor channels) => Tidy.Keep(() =>
    {
        var patches = nn.functional.unfold(x, (block.Conv.Kernel, block.Conv.Kernel), (block.Conv.Dilation, block.Conv.Dilation),
            (block.Conv.Padding, block.Conv.Padding), (block.Conv.Stride, block.Conv.Stride)).transpose(1, 2).flatten(0, 1);
        Tensor ByChannel(Tensor numbers) => numbers.transpose(0, 1).reshape(block.Conv.Output, -1);
        var (decided, distances, opened) = (ByChannel(gates).clone(), (ByChannel(values) - 1).abs(), ByChannel(open));
        var rows = block.WeightGradient.reshape(block.Conv.Output, -1);
        var total = distances.shape[1];
        var all = total <= Spare * patches.shape[1];
        // A channel alone has as many unknowns as are looked at, and all share their equations where these are all places.
        var found = all ? Solved(patches, rows.t()).t() : null;
        foreach (var channel in channels.nonzero().data<long>())
        {
            using var scope = Tidy.Scope();
            var places = all ? arange(total, ScalarType.Int64)
                : distances[channel].topk((int)Math.Min(MostDoubts, total), largest: false).indexes;
            var gradients = found?[channel] ?? Solved(patches.index_select(0, places),
                (rows[channel] - (decided[channel] * opened[channel]).index_fill(0, places, 0).matmul(patches)).unsqueeze(1)).squeeze(1);
            var shares = gradients / (opened[channel].index_select(0, places) + 1e-300);
            var told = where(shares > 0.5, 1.0, 0.0);
            var kept = decided[channel].index_select(0, places);
            decided[channel].index_copy_(0, places, where((shares - told).abs() < Ambiguous, told, kept));
        }
        return decided.reshape(block.Conv.Output, gates.shape[0], -1).transpose(0, 1).reshape(gates.shape);
    });

    /// <summary>dL/dz of places from rows of dL/dW.</summary>
    private static Tensor Solved(Tensor patches, Tensor rows)
    {
        var normal = patches.matmul(patches.t());
        normal.diagonal().add_(1e-13 * normal.diagonal().mean() + 1e-300);
        return Factorization.Solve(normal, patches.matmul(rows), "The second moment of patches");
    }

    /// <summary>K'K of every input channel, [B * places, B * places].</summary>
    private Tensor Normal(Tensor? channels = null)
    {
        var rows = Rows(channels);
        return rows.t().matmul(rows);
    }

    /// <summary>[B * places, channels].</summary>
    private Tensor Columns(Tensor x) => x.flatten(2).transpose(1, 2).reshape(-1, block.Input[0]);

    /// <summary>Undoes <see cref="Columns"/>.</summary>
    private Tensor Image(Tensor columns) =>
        columns.reshape(-1, block.Places, block.Input[0]).transpose(1, 2).reshape([-1, .. block.Input]);

    private Tensor Rows(Tensor? channels) => channels is null ? system
        : system * channels.repeat_interleave(block.Equations / channels.shape[0], 0).unsqueeze(1);
}
