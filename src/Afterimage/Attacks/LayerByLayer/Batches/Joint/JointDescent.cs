using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// A batch from the head of a residual network down. The inputs of one of the last units are separated blindly; what the network makes
/// of them tells labels, dL/d of what leaves and the ReLUs that are on. From there every unit is solved for all images at once, as long
/// as weight gradients have equations enough. In train mode the separated inputs have a common factor, which the head tells.
/// </summary>
internal sealed class JointDescent(AttackContext context, RectifiedChain chain, Action<Evidence> note, CancellationToken stop)
{
    /// <summary>A unit that leaves more than this of its weight gradients has wrong ReLUs.</summary>
    private const double Solved = 1e-3;

    /// <summary>
    /// The same in train mode, where layers nearer to the image are reached whose few equations magnify what wrong ReLUs leave.
    /// </summary>
    private const double SolvedCentered = 1e-5;

    /// <summary>What the head may leave of its gradient where the blind inputs are right.</summary>
    private const double Likeness = 1e-2;

    /// <summary>How far what is added to variances may lead the first search for a factor astray, relative.</summary>
    private const double Nearly = 1e-2;

    /// <summary>Error of what follows from blind inputs, relative, at least.</summary>
    private const double BlindError = 1e-5;

    /// <summary>Where a ReLU is told to be on or off: far from one and from zero.</summary>
    private const double Told = 1e-3;

    private readonly bool centered = context.Observation.Training.Mode == ModelMode.Train;

    /// <summary>How many pieces lie in front of the features.</summary>
    public int Depth { get; private set; } = chain.Pieces.Count;

    /// <summary>What leaves the last of these pieces, [B,*Leaving]; null where not even that is known.</summary>
    public Tensor? Features { get; private set; }

    /// <summary>What is known of the last of these pieces besides, where it is a unit.</summary>
    public UnitInside? Inside { get; private set; }

    /// <summary>Of every image; empty where no layer separates the batch.</summary>
    public int[] Labels { get; private set; } = [];

    public void Run()
    {
        if (End() is not var (piece, block, blind)
            || (block == 0 ? Front(piece, blind.Inputs.Maps) : Inner(block, blind)) is not { } start)
            return;
        var (values, gradient, doubt, known) = start;
        while (!stop.IsCancellationRequested && chain.Pieces[Depth - 1] is ResidualUnit unit)
        {
            var coupled = centered
                ? new CoupledUnit(unit, values, gradient, doubt, Depth > 1 ? chain.Pieces[Depth - 2].ShiftGradient : null)
                {
                    Starts = Depth == chain.Pieces.Count ? known : [],
                } : null;
            var found = coupled is null ? new JointUnit(unit, values, gradient, doubt).Solve(stop) : coupled.Solve(stop);
            if (found is null)
            {
                var open = coupled?.Open ?? unit.Second.Conv.Name;
                note(new LayerOpen(open, "its weight gradient does not determine the inputs of the batch"));
                break;
            }
            var names = string.Join(", ", unit.Body.Select(each => each.Conv.Name));
            note(new LayerSolved(names, values.shape[0] * unit.First.Input[0] * unit.First.Places, found.Residual)
            {
                Where = found.Input is null ? "read up to the first" : "",
            });
            var enough = centered ? SolvedCentered : Solved;
            if (!(found.Residual < Math.Max(unit.First.Exact(enough), unit.Second.Exact(enough))))
            {
                // A unit whose ReLUs are not told is passed where separated inputs nearer to the images make them known.
                if (centered || block > 0 || piece >= Depth - 1 || piece == 0)
                    break;
                (Depth, values, gradient) = (piece, blind.Inputs.Maps, chain.Back(piece, blind.Inputs.Maps, start.Gradient));
                (doubt, Features, Inside) = (Doubtful(values, BlindError), values, null);
                continue;
            }
            Inside = found.Inside;
            if (found.Input is null)
                break;
            (values, gradient, doubt) = (found.Input, found.FeatureGradient!, found.Doubt!);
            Features = found.Input * (found.Input > doubt);
            Inside = null;
            Depth--;
        }
    }

    /// <summary>Where solving begins.</summary>
    /// <param name="Values">What leaves the piece in front of the features.</param>
    /// <param name="Gradient">dL/d of that.</param>
    /// <param name="Doubt">Below this a value may be zero.</param>
    /// <param name="Known">What convolutions of the piece take in, nearly, as far as it is known.</param>
    private sealed record Beginning(Tensor Values, Tensor Gradient, Tensor Doubt, IReadOnlyList<Tensor?> Known);

    /// <summary>From the inputs of a unit; null where the head does not bear them out.</summary>
    private Beginning? Front(int piece, Tensor inputs)
    {
        if (centered)
            inputs *= Scale(piece, inputs);
        var values = Behind(piece, inputs);
        var last = chain.Pieces[^1].Leaving;
        var head = JointHead.Of(chain.Tail.Head, values.relu().mean([2, 3]));
        if (!(head.Residual < Likeness))
        {
            note(new Remark(FormattableString.Invariant($"The separated inputs leave {head.Residual:G2} of the head's gradient.")));
            return null;
        }
        Labels = head.Labels;
        var gradient = head.LogitGradient.matmul(chain.Tail.Head.Weight!).reshape(values.shape[0], -1, 1, 1)
            .expand(values.shape) / (last[1] * last[2]);
        if (centered)
            // Behind the separated inputs everything is known; in eval mode the units there make these more exact.
            (values, gradient, Depth) = (inputs, chain.Back(piece, inputs, gradient), piece);
        Features = values.relu();
        return new(values, gradient, Doubtful(values, Math.Max(BlindError, head.Residual)), []);
    }

    /// <summary>Below this a value may be zero, by its relative error.</summary>
    private static Tensor Doubtful(Tensor values, double error) => full_like(values, error * values.square().mean().sqrt().ToDouble());

    /// <summary>
    /// From what a convolution inside of the last unit takes in: what leaves the unit is only told to be on or off.
    /// </summary>
    private Beginning? Inner(int block, BlindBatch blind)
    {
        var body = ((ResidualUnit)chain.Pieces[^1]).Body;
        var (layer, inputs) = (body[block], blind.Inputs.Maps);
        if (body[block - 1].ShiftGradient is { } shift && blind.Gradients is { } gradients)
            inputs = inputs * new HiddenScale(shift).Factor(inputs, layer.Back(gradients.transpose(0, 1).reshape([-1, .. layer.Output])));
        if (JointEnd.Of(chain.Tail.Head, [.. body.Skip(block)], inputs) is not { } end)
            return null;
        if (!(end.Difference < Likeness))
        {
            note(new Remark(FormattableString.Invariant(
                $"dL/dz of {body[^1].Conv.Name} is {end.Difference:G2} away from the gradient of any head.")));
            return null;
        }
        Labels = end.Labels;
        return new(end.On, end.Gradient, full_like(end.On, Told), [.. new Tensor?[block], .. end.Inputs]);
    }

    /// <summary>The inputs of one of the last units or of a convolution inside of the last, in train mode up to a common factor.</summary>
    private (int Piece, int Block, BlindBatch Blind)? End()
    {
        for (var piece = chain.Pieces.Count - 1; piece >= 0 && chain.Pieces[piece] is ResidualUnit unit; piece--)
            foreach (var own in unit.Body.Where(block => unit.Form.Separating.Contains(block.Form)))
            {
                var block = unit.Body.ToList().IndexOf(own);
                // dL/d of what leaves is the head's behind the last unit only.
                if (block > 0 && !(centered && piece == chain.Pieces.Count - 1))
                    continue;
                var layer = new BatchLayer(own.Conv, own.Input, own.WeightGradient, centered)
                {
                    Sums = centered ? null : Sums(own), Noise = own.Noise,
                };
                if (layer.Obstacle(context.Observation.BatchSize) is not null)
                    continue;
                var random = context.Random.Derive("separation", block == 0 ? piece : chain.Pieces.Count + block);
                if (BlindBatch.Of(layer, context.Observation.BatchSize, random, stop) is not { } blind)
                    continue;
                note(blind.Evidence);
                if (blind.IsWhole)
                    return (piece, block, blind);
            }
        return null;
    }

    /// <summary>The factor of separated inputs with which they explain the head's gradient best.</summary>
    private double Scale(int piece, Tensor inputs)
    {
        var unit = (ResidualUnit)chain.Pieces[piece];
        Tensor Aside(double scale) => unit.Projection?.Before(inputs * scale) ?? unit.Aside(inputs * scale);
        // BatchNorm hides it from the body of the unit, but for what is added to variances.
        Func<double, JointHead> Heads(double near)
        {
            var body = unit.Before(inputs * near, unit.Inner(unit.First.Forward(inputs * near))) - Aside(near);
            return scale =>
            {
                var leaving = body + Aside(scale);
                var values = piece == chain.Pieces.Count - 1 ? leaving : Behind(piece + 1, leaving.relu());
                return JointHead.Of(chain.Tail.Head, values.relu().mean([2, 3]));
            };
        }
        (double Scale, double Left) Best(double guess, Func<JointHead, double> left)
        {
            Func<double, double> Difference(double near)
            {
                var heads = Heads(near);
                return scale =>
                {
                    using var scope = Tidy.Scope();
                    return left(heads(scale));
                };
            }
            var found = ScaleSearch.Least(guess, Difference(guess)).Scale;
            var difference = Difference(found);
            return ScaleSearch.Near((found, difference(found)), Nearly, difference);
        }
        var typical = 1 / inputs.square().mean().sqrt().ToDouble();
        var plain = Best(typical, head => head.OfCrossEntropy);
        return plain.Left < Likeness ? plain.Scale : Best(typical, head => head.Residual).Scale;
    }

    /// <summary>dL/dz summed over batch and places, from the gradient of the shift or of the bias.</summary>
    private Tensor? Sums(RectifiedBlock block) => block.Form.Norm is { } norm ? Gradient(norm.Name + ".bias") * block.Scale.flatten()
        : block.Conv.Bias ? Gradient(block.Conv.Name + ".bias") : null;

    /// <summary>Of the mean loss.</summary>
    private Tensor Gradient(string name) => context.Observation.Update[context.Model.Layout.IndexOf(name)].to(ScalarType.Float64).cpu()
        / context.Observation.Training.GradientFactor(context.Observation.BatchSize);

    /// <summary>What the pieces from one on make of its inputs, without the last ReLU.</summary>
    private Tensor Behind(int piece, Tensor inputs)
    {
        for (; piece < chain.Pieces.Count - 1; piece++)
            inputs = chain.Pieces[piece].Forward(inputs);
        var unit = (ResidualUnit)chain.Pieces[piece];
        return unit.Before(inputs, unit.First.Forward(inputs));
    }
}
