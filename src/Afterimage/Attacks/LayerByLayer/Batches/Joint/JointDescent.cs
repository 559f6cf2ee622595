using Afterimage.Federation;

namespace Afterimage.Attacks;

/// <summary>
/// A batch from the head of a residual network in eval mode down. The inputs of one of the last units are separated blindly; what the
/// network makes of them tells labels, dL/d of what leaves and the ReLUs that are on. From there every unit is solved for all images at
/// once, as long as weight gradients have equations enough.
/// </summary>
internal sealed class JointDescent(AttackContext context, RectifiedChain chain, Action<Evidence> note, CancellationToken stop)
{
    /// <summary>A unit that leaves more than this of its weight gradients has wrong ReLUs.</summary>
    private const double Solved = 1e-3;

    /// <summary>What the head may leave of its gradient where the blind inputs are right.</summary>
    private const double Likeness = 1e-2;

    /// <summary>Error of what follows from blind inputs, relative, at least.</summary>
    private const double BlindError = 1e-5;

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
        if (End() is not { } values)
            return;
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
        var error = Math.Max(BlindError, head.Residual) * values.square().mean().sqrt().ToDouble();
        var doubt = full_like(values, error);
        Features = values.relu();
        while (!stop.IsCancellationRequested && chain.Pieces[Depth - 1] is ResidualUnit unit)
        {
            var name = $"{unit.First.Conv.Name}, {unit.Second.Conv.Name}";
            var found = new JointUnit(unit, values, gradient, doubt).Solve(stop);
            if (found is null)
            {
                note(new LayerOpen(unit.Second.Conv.Name, "its weight gradient does not determine the inputs of the batch"));
                break;
            }
            note(new LayerSolved(name, values.shape[0] * unit.First.Input[0] * unit.First.Places, found.Residual)
            {
                Where = found.Input is null ? "read up to the first" : "",
            });
            if (!(found.Residual < Math.Max(unit.First.Exact(Solved), unit.Second.Exact(Solved))))
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

    /// <summary>What leaves the last unit in front of its ReLU.</summary>
    private Tensor? End()
    {
        for (var piece = chain.Pieces.Count - 1; piece >= 0 && chain.Pieces[piece] is ResidualUnit unit; piece--)
        {
            var layer = new BatchLayer(unit.First.Conv, unit.First.Input, unit.First.WeightGradient, false)
            {
                Sums = Sums(unit.First), Noise = unit.First.Noise,
            };
            if (layer.Obstacle(context.Observation.BatchSize) is not null)
                continue;
            var blind = BlindBatch.Of(layer, context.Observation.BatchSize, context.Random.Derive("separation", piece), stop);
            if (blind is null)
                continue;
            note(blind.Evidence);
            if (blind.IsWhole)
                return Behind(piece, blind.Inputs.Maps);
        }
        return null;
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
