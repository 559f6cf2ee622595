using Afterimage.Federation;
using Afterimage.Images;
using Afterimage.LabelRecovery;

namespace Afterimage.Attacks;

/// <summary>
/// The observation as residuals in the coordinates z of <see cref="GaussianImages"/>, [B,pixels]. Where the update is a mean over
/// images, every image has a block of its own in the Jacobian; where the head's gradient was taken apart, every image also has rows
/// of its own: its features and its errors. Each tensor counts alike.
/// </summary>
internal sealed class PosteriorProblem
{
    private readonly AttackContext context;
    private readonly GaussianImages statistics;
    private readonly Tensor targets;
    private readonly HeadFactors? head;
    private readonly (long From, long To, long Bias) place;
    private readonly Tensor weights;
    private readonly Tensor shared;
    private readonly Tensor own;
    private readonly double featureWeight;
    private readonly double errorWeight;

    public PosteriorProblem(AttackContext context, GaussianImages statistics, PixelTerms terms, Tensor targets,
        HeadFactors? head, bool separable, CancellationToken stop = default)
    {
        (this.context, this.statistics, this.targets, this.head, Terms, Stop) = (context, statistics, targets, head, terms, stop);
        Batch = context.Observation.BatchSize;
        Parts = separable ? Batch : 1;
        var update = context.Observation.Update;
        if (head is not null)
        {
            var (weight, bias) = context.Model.Head!.Value;
            var entries = update.Layout.Entries;
            place = (entries[weight].Offset, entries[bias!.Value].Offset + entries[bias.Value].Count, entries[bias.Value].Offset);
            featureWeight = 1 / head.Features.square().mean().sqrt().ToDouble();
            errorWeight = 1 / head.Errors.square().mean().sqrt().ToDouble();
        }
        weights = SharedPart(InverseRootMeanSquares(context.Observation).unsqueeze(0)).squeeze(0);
        shared = SharedPart(update.Flat.unsqueeze(0)).squeeze(0) * weights;
        own = head is null ? empty([Parts, 0], ScalarType.Float64) : cat([head.Features * featureWeight, head.Errors * errorWeight], 1);
    }

    public int Batch { get; }

    /// <summary>Blocks of columns in the Jacobian that see shared rows and rows of their own.</summary>
    public int Parts { get; }

    public long Pixels => context.Model.Input.Count;

    public long Unknowns => Batch * Pixels;

    /// <summary>Unknowns of one block.</summary>
    public long Width => Batch / Parts * Pixels;

    public long SharedCount => shared.shape[0];

    public long OwnCount => own.shape[1];

    /// <summary>Pixels, [...,pixels], as images.</summary>
    public Tensor Images(Tensor pixels) =>
        pixels.reshape(-1, context.Model.Input.Channels, context.Model.Input.Height, context.Model.Input.Width);

    /// <summary>Images that z stands for, not clipped.</summary>
    public Tensor Decode(Tensor z) => statistics.Synthesize(z.view(Batch, -1)) + statistics.Mean;

    public PosteriorPoint At(Tensor z)
    {
        var images = Decode(z);
        var each = Batch / Parts;
        var points = Enumerable.Range(0, Parts)
            .Select(i => context.Operator.At(new(images.narrow(0, i * each, each), targets.narrow(0, i * each, each)))).ToArray();
        var gradients = stack([.. points.Select(point => point.Value.Flat)]);
        return new(this, images, points, cat([SharedRows(gradients) - shared, (OwnRows(gradients) - own).reshape(-1)]));
    }

    /// <summary>Root mean square of the weighted residual.</summary>
    public double Misfit(Tensor z)
    {
        using var scope = Tidy.Scope();
        return At(z).Residual.square().mean().sqrt().ToDouble();
    }

    /// <summary>Root mean square of what another network's residual differs by.</summary>
    public double Difference(PosteriorProblem other, Tensor z)
    {
        using var scope = Tidy.Scope();
        return (At(z).Residual - other.At(z).Residual).square().mean().sqrt().ToDouble();
    }

    /// <summary>Rows that all blocks share, summed: [parts,P] to [shared].</summary>
    public Tensor SharedRows(Tensor gradients) => SharedPart(gradients).sum([0]) * (weights / Parts);

    /// <summary>Rows that all blocks share, one by one, for gradients of any number of directions: [N,P] to [N,shared].</summary>
    public Tensor SharedColumns(Tensor gradients) => SharedPart(gradients) * (weights / Parts);

    /// <summary>Rows of each block's own: [parts,P] to [parts,own].</summary>
    public Tensor OwnRows(Tensor gradients) => head is null ? empty([Parts, 0], ScalarType.Float64)
        : cat([.. Enumerable.Range(0, Parts).Select(i => OwnColumns(gradients.narrow(0, i, 1), i))]);

    /// <summary>[N,P] to [N,own] for directions of one image.</summary>
    public Tensor OwnColumns(Tensor gradients, int part)
    {
        if (head is null)
            return empty([gradients.shape[0], 0], ScalarType.Float64);
        var errors = head.Errors[part];
        var products = gradients.narrow(1, place.From, place.Bias - place.From).view(gradients.shape[0], errors.shape[0], -1);
        var features = errors.unsqueeze(0).matmul(products).squeeze(1) * (featureWeight / errors.square().sum().ToDouble());
        return cat([features, gradients.narrow(1, place.Bias, place.To - place.Bias) * errorWeight], 1);
    }

    /// <summary>The transpose of the row maps: a residual to a direction of one block's gradient.</summary>
    public Tensor Spread(Tensor rows, int part)
    {
        var first = rows.narrow(0, 0, shared.shape[0]) * (weights / Parts);
        if (head is null)
            return first;
        var mine = rows.narrow(0, shared.shape[0] + part * own.shape[1], own.shape[1]);
        var errors = head.Errors[part];
        var count = mine.shape[0] - errors.shape[0];
        var features = errors.unsqueeze(1) * (mine.narrow(0, 0, count) * (featureWeight / errors.square().sum().ToDouble())).unsqueeze(0);
        return cat([first.narrow(0, 0, place.From), features.reshape(-1), mine.narrow(0, count, errors.shape[0]) * errorWeight,
            first.narrow(0, place.From, first.shape[0] - place.From)]);
    }

    public GaussianImages Statistics => statistics;

    public PixelTerms Terms { get; }

    /// <summary>Ends products with the Jacobian by an <see cref="OperationCanceledException"/>.</summary>
    public CancellationToken Stop { get; }

    private Tensor SharedPart(Tensor gradients) => head is null ? gradients
        : cat([gradients.narrow(1, 0, place.From), gradients.narrow(1, place.To, gradients.shape[1] - place.To)], 1);

    // A tensor whose update is zero (a dead layer) has weight zero, and so have numbers that did not arrive. Noise that differs from tensor
    // to tensor in units of their size weighs them by its own: the weights times the deviations are then the mean relative deviation.
    private static Tensor InverseRootMeanSquares(Observation observation)
    {
        const double Smallest = 0.01;
        var (update, channel) = (observation.Update, observation.Channel);
        var noise = (channel.Effects & ChannelEffects.Noise) == 0 ? 0 : channel.RelativeDeviation(update);
        var mask = channel.Mask(update);
        var weights = mask?.clone() ?? ones_like(update.Flat);
        foreach (var (entry, i) in update.Layout.Entries.Select((entry, i) => (entry, i)))
        {
            var part = weights.narrow(0, entry.Offset, entry.Count);
            var squares = update.Flat.narrow(0, entry.Offset, entry.Count).square();
            var size = mask is null ? squares.mean().sqrt().ToDouble()
                : Math.Sqrt(squares.sum().ToDouble() / Math.Max(1, part.sum().ToDouble()));
            part.mul_(size <= 0 ? 0 : noise == 0 ? 1 / size
                : noise / Math.Max(channel.Deviation(update, i), Smallest * noise * size));
        }
        return weights;
    }
}
