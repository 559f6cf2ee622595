namespace Afterimage.Attacks;

/// <summary>
/// The input of a residual unit whose convolutions are solved for one after the other, from the last to the first: each weight gradient
/// gives what its convolution takes in, and that tells which ReLUs in front of it are on. So are read bottlenecks, whose convolutions have
/// many channels for few places, and units with GroupNorm.
/// </summary>
/// <param name="unit">In double precision.</param>
/// <param name="featureGradient">dL/d output, [1,*Leaving].</param>
internal sealed class StepwiseUnit(ResidualUnit unit, Tensor featureGradient)
{
    /// <summary>What a convolution may leave of its weight gradient if what it takes in is to be believed.</summary>
    private const double Solved = 1e-3;

    /// <summary>Whether the input is solved for, and not only what leaves the first convolution.</summary>
    public bool ReadsInput { get; init; } = true;

    /// <summary>dL/d shift of the GroupNorm that the unit's input comes from; null where there is none.</summary>
    public Tensor? ShiftGradient { get; init; }

    /// <param name="on">Where the unit's last ReLU is on, [1,*Leaving].</param>
    /// <param name="stop">Leaves it.</param>
    public UnitInput Solve(Tensor on, CancellationToken stop)
    {
        var (gates, gradient, inner, residual) = (on, featureGradient, (Tensor?)null, 0.0);
        var body = unit.Body;
        for (var i = body.Count - 1; i > 0; i--)
        {
            stop.ThrowIfCancellationRequested();
            var scale = body[i - 1].ShiftGradient is { } shift ? new HiddenScale(shift) : null;
            var block = body[i];
            var layer = new DecodedLayer(block, gradient)
            {
                Factor = scale is null ? null : (input, arriving) => scale.Factor(input, block.Back(arriving)),
            };
            var found = layer.Solve(gates);
            residual = Math.Max(residual, found.Residual);
            if (!(residual < block.Exact(Solved)))
                return new(null, null, null, new(found.Input, found.Input), residual);
            var kept = found.Input * (found.Input > ResidualLayer.Doubt(found.Input, layer.Error(found)));
            (on, inner) = i == body.Count - 1 ? (found.Gates, kept) : (on, inner);
            (gates, gradient) = ((kept > 0).to(gradient.dtype), block.Back(found.PreActivationGradient));
            if (i == 1)
                return ReadsInput ? First(new(kept, gates * gradient), on, inner!, gates, gradient, residual)
                    : new(null, null, null, new(kept, gates * gradient), residual);
        }
        throw new InvalidOperationException("A residual unit has at least two convolutions.");
    }

    private UnitInput First(UnitInside inside, Tensor on, Tensor inner, Tensor gates, Tensor gradient, double residual)
    {
        var sum = on * featureGradient;
        Tensor Aside(Tensor input) => unit.Near(input, inner).Return(sum);
        var scale = unit.First.Group is not null && ShiftGradient is { } shift ? new HiddenScale(shift) : null;
        var layer = new DecodedLayer(unit.First, gradient)
        {
            Factor = scale is null ? null : (input, arriving) => unit.Projection is null
                ? scale.Factor(input, unit.First.Back(arriving), Aside(input))
                : scale.Factor(input, unit.First.Back(arriving) + Aside(input)),
        };
        var found = layer.Solve(gates);
        return new(found.Input, unit.First.Back(found.PreActivationGradient) + Aside(found.Input),
            ResidualLayer.Doubt(found.Input, layer.Error(found)), inside, Math.Max(residual, found.Residual));
    }
}
