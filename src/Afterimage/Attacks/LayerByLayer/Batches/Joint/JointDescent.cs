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
        if (End() is not var (piece, inputs))
            return;
        if (centered)
            inputs *= Scale(piece, inputs);
        var values = Behind(piece, inputs);
        var last = chain.Pieces[^1].Leaving;
        var head = JointHead.Of(chain.Tail.Head, values.relu().mean([2, 3]));
        if (!(head.Residual < Likeness))
        {
            note(new Remark(FormattableString.Invariant($"The separated inputs leave {head.Residual:G2} of the head's gradient.")));
            return;
        }
        Labels = head.Labels;
        var gradient = head.LogitGradient.matmul(chain.Tail.Head.Weight!).reshape(values.shape[0], -1, 1, 1)
            .expand(values.shape) / (last[1] * last[2]);
        if (centered)
            // Behind the separated inputs everything is known; in eval mode the units there make these more exact.
            (values, gradient, Depth) = (inputs, Before(piece, inputs, gradient), piece);
        var error = Math.Max(BlindError, head.Residual) * values.square().mean().sqrt().ToDouble();
        var doubt = full_like(values, error);
        Features = values.relu();
        while (!stop.IsCancellationRequested && chain.Pieces[Depth - 1] is ResidualUnit unit)
        {
            var name = $"{unit.First.Conv.Name}, {unit.Second.Conv.Name}";
            var found = centered
                ? new CoupledUnit(unit, values, gradient, doubt, Depth > 1 ? chain.Pieces[Depth - 2].ShiftGradient : null).Solve(stop)
                : new JointUnit(unit, values, gradient, doubt).Solve(stop);
            if (found is null)
            {
                note(new LayerOpen(unit.Second.Conv.Name, "its weight gradient does not determine the inputs of the batch"));
                break;
            }
            note(new LayerSolved(name, values.shape[0] * unit.First.Input[0] * unit.First.Places, found.Residual)
            {
                Where = found.Input is null ? "read up to the first" : "",
            });
            var enough = centered ? SolvedCentered : Solved;
            if (!(found.Residual < Math.Max(unit.First.Exact(enough), unit.Second.Exact(enough))))
                break;
            Inside = found.Inside;
            if (found.Input is null)
                break;
            (values, gradient, doubt) = (found.Input, found.FeatureGradient!, found.Doubt!);
            Features = found.Input * (found.Input > doubt);
            Inside = null;
            Depth--;
        }
    }

    /// <summary>The inputs of one of the last units, in train mode up to a common factor.</summary>
    private (int Piece, Tensor Inputs)? End()
    {
        for (var piece = chain.Pieces.Count - 1; piece >= 0 && chain.Pieces[piece] is ResidualUnit unit; piece--)
        {
            var layer = new BatchLayer(unit.First.Conv, unit.First.Input, unit.First.WeightGradient, centered)
            {
                Sums = centered ? null : Sums(unit.First), Noise = unit.First.Noise,
            };
            if (layer.Obstacle(context.Observation.BatchSize) is not null)
                continue;
            var blind = BlindBatch.Of(layer, context.Observation.BatchSize, context.Random.Derive("separation", piece), stop);
            if (blind is null)
                continue;
            note(blind.Evidence);
            if (blind.IsWhole)
                return (piece, blind.Inputs.Maps);
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

    /// <summary>dL/d inputs of a piece for dL/d of what leaves the last one.</summary>
    private Tensor Before(int piece, Tensor inputs, Tensor gradient)
    {
        var passings = chain.Pieces.Skip(piece).Select(each => each.Follow()).ToList();
        foreach (var passing in passings)
            inputs = passing.At(inputs);
        var found = passings.AsEnumerable().Reverse().Aggregate(gradient, (change, passing) => passing.Pull(change));
        passings.ForEach(passing => passing.Dispose());
        return found;
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
