using Afterimage.Federation;

namespace Afterimage.Leakage;

/// <summary>
/// The derivative J of an update with respect to the images of its batch, in double precision, each row divided by what
/// <see cref="NoiseScale"/> says: noise of deviation s in these units is noise of s times that root mean square. Its tensors live in
/// the scope in which it was made.
/// </summary>
public sealed class UpdateJacobian : IDisposable
{
    private readonly AttackContext context;
    private readonly Linearization point;
    private readonly Tensor weights;

    /// <summary>Ends every later product.</summary>
    public CancellationToken Stop { get; }

    /// <summary>Linearizes the update at a batch.</summary>
    /// <param name="context">Model, local training and operator; a copy in double precision is made of them.</param>
    /// <param name="images">The batch at which to differentiate, in [0,1], shape [B,C,H,W].</param>
    /// <param name="targets">Label probabilities, shape [B,classes].</param>
    /// <param name="scale">The unit of the rows; a tensor whose update is zero counts nothing.</param>
    /// <param name="cancellation">Ends every later product with an <see cref="OperationCanceledException"/>.</param>
    public UpdateJacobian(AttackContext context, Tensor images, Tensor targets, NoiseScale scale, CancellationToken cancellation = default)
    {
        Stop = cancellation;
        this.context = context.To(ScalarType.Float64);
        Shape = images.shape;
        point = this.context.Operator.At(new(images.to(ScalarType.Float64), targets.to(ScalarType.Float64)));
        weights = Tidy.Keep(() => Weights(point.Value, context.Observation.Channel.Mask(context.Observation.Update), scale));
    }

    /// <summary>[B,C,H,W].</summary>
    public long[] Shape { get; }

    /// <summary>Columns: the pixels of all images.</summary>
    public long Unknowns => Shape.Aggregate(1L, (product, n) => product * n);

    /// <summary>Rows: the numbers of the update.</summary>
    public long Equations => weights.shape[0];

    /// <summary>Tells what is being worked at.</summary>
    internal void Say(string name) => context.Say(name);

    /// <summary>Tells how far a phase is whose units are counted.</summary>
    internal void Say(string name, long done, long of, string unit) => context.Say(name, done, of, unit);

    /// <summary>J u, flat, for u of the batch's shape.</summary>
    public Tensor Apply(Tensor u)
    {
        Stop.ThrowIfCancellationRequested();
        return Tidy.Keep(() => point.Pushforward(u).Flat * weights);
    }

    /// <summary>J' v, of the batch's shape, for a flat v.</summary>
    public Tensor Transpose(Tensor v) => Tidy.Keep(() => point.Pullback(new(point.Value.Layout, v * weights)).Inputs);

    /// <summary>J'J as a matrix of unknowns by unknowns: one product with J and one with J' for each column.</summary>
    public Tensor Gram()
    {
        using var scope = Tidy.Scope();
        var gram = zeros([Unknowns, Unknowns], ScalarType.Float64);
        var unit = zeros(Shape, ScalarType.Float64);
        using var flat = unit.view(-1);
        for (var k = 0L; k < Unknowns; k++)
        {
            using var column = Tidy.Scope();
            context.Say("squares the Jacobian", k, Unknowns, "columns");
            flat[k] = 1;
            gram[k].copy_(Transpose(Apply(unit)).view(-1));
            flat[k] = 0;
        }
        return ((gram + gram.t()) / 2).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public void Dispose() => context.Dispose();

    /// <summary>Rows that did not arrive tell nothing.</summary>
    private static Tensor Weights(GradientSet update, Tensor? mask, NoiseScale scale)
    {
        var weights = scale == NoiseScale.Whole ? ones_like(update.Flat) * Inverse(update.Flat)
            : cat([.. update.Split().Select(part => ones([part.numel()], ScalarType.Float64) * Inverse(part))]);
        return mask is null ? weights : weights * mask.to(weights.dtype);
    }

    private static double Inverse(Tensor part)
    {
        var rms = part.square().mean().sqrt().ToDouble();
        return rms > 0 ? 1 / rms : 0;
    }
}
