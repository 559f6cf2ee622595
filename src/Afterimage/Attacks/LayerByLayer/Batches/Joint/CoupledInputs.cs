namespace Afterimage.Attacks;

/// <summary>
/// The inputs of a whole batch at one convolution with BatchNorm in train mode behind it, whose dL/d outputs are known. dL/dz =
/// (a - l - s z') / deviation, as <see cref="GroupScaling"/> says, depends on the inputs through z' and the deviation, but little: the
/// linear equations are solved with those of the last solution until it stands. Neither tells how large the inputs are, which is read
/// from the normalization in front.
/// </summary>
/// <param name="block">The convolution.</param>
/// <param name="aside">That of a shortcut, which takes in the same; null for none.</param>
/// <param name="scale">Tells how large the inputs are; null where nothing does.</param>
internal sealed class CoupledInputs(RectifiedBlock block, RectifiedBlock? aside, HiddenScale? scale)
{
    private const int Rounds = 40;

    /// <summary>A change of the inputs, relative, that is none.</summary>
    private const double Still = 1e-8;

    /// <summary>A change that does not fall by this factor ends the rounds, once they are this many.</summary>
    private const double Progress = 0.9;
    private const int Patience = 8;

    private readonly Tensor? hidden = HiddenConstants.Of(aside is null ? [block] : [block, aside]);

    /// <summary>Equations that do not determine the inputs leave more of dL/dW than this after so many rounds.</summary>
    private const double Open = 0.1;
    private const int Few = 3;

    /// <summary>dL/d outputs of the shortcut's convolution, [B,*Output].</summary>
    public Tensor? AsideGradient { get; init; }

    /// <summary>The part of dL/d inputs that passes by the convolutions; null for none.</summary>
    public Tensor? Passing { get; init; }

    /// <summary>z' where it is known, zero elsewhere, [B,*Output]; null where it is nowhere.</summary>
    public Tensor? Standard { get; init; }

    /// <summary>Null where the equations are too few.</summary>
    /// <param name="gradient">dL/d outputs, [B,*Output].</param>
    /// <param name="start">Inputs that are nearly right; null for none.</param>
    /// <param name="trust">Which output channels count, [outputs]; null for all.</param>
    /// <param name="stop">Ends it between two rounds.</param>
    public CoupledSolution? Solve(Tensor gradient, Tensor? start, Tensor? trust, CancellationToken stop)
    {
        CoupledSolution? found = null;
        var (input, before) = (start, double.PositiveInfinity);
        for (var round = 0; round < Rounds; round++)
        {
            stop.ThrowIfCancellationRequested();
            var next = Next(gradient, input, trust);
            if (next is null || (round >= Few && !(next.Residual < Open)))
                return null;
            var change = input is null ? 1 : ((next.Input - input).norm() / next.Input.norm()).ToDouble();
            found?.Dispose();
            (input, found) = (next.Input, next);
            if (!(change > Still) || (round >= Patience && change > Progress * before))
                break;
            before = change;
        }
        return found;
    }

    private CoupledSolution? Next(Tensor gradient, Tensor? input, Tensor? trust)
    {
        using var scope = Tidy.Scope();
        var own = Arriving(block, gradient, input, Standard);
        var other = aside is null ? null : Arriving(aside, AsideGradient!, input, null).Gradient;
        var layer = new JointLayer(block, own.Gradient);
        if (layer.Solve(trust, aside is null ? null : new JointLayer(aside, other!), hidden) is not { } found)
            return null;
        var left = layer.Left(found);
        if (hidden is not null)
            found = HiddenConstants.Told(hidden, found, layer.Error!);
        var falling = block.Back(own.Gradient) + (aside is null ? 0 : aside.Back(other!));
        var factor = scale?.Factor(found, falling, Passing) ?? 1;
        Tensor Kept(Tensor tensor) => tensor.MoveToOuterDisposeScope();
        return new(Kept(found * factor), Kept(layer.Error! * factor), Kept(own.Gradient / factor), Kept(falling / factor),
            Kept(left), Kept(own.Open / factor), Kept(own.Offset / factor));
    }

    /// <summary>dL/dz, its factor on dL/d outputs and what it is beside that.</summary>
    private static (Tensor Gradient, Tensor Open, Tensor Offset) Arriving(
        RectifiedBlock block, Tensor gradient, Tensor? input, Tensor? known)
    {
        var group = block.Group!;
        Tensor deviation, standard;
        if (input is null)
        {
            // The deviation of independent inputs; and z' sums to zero.
            deviation = block.Weight.flatten(1).norm(1).reshape(1, -1, 1, 1);
            var hidden = known?.eq(0).to(gradient.dtype);
            standard = known is null ? zeros_like(gradient) : known - hidden! * known.sum([0, 2, 3], keepdim: true)
                / hidden!.sum([0, 2, 3], keepdim: true).clamp_min(1);
        }
        else
        {
            var point = group.At(block.Map.Apply(block.Weight, input.relu()));
            (deviation, standard) = (point.Deviation, point.Standard);
        }
        var (open, offset) = (block.Scale / deviation, -(group.Level + group.Slope * standard) / deviation);
        return (gradient * open + offset, open, offset);
    }
}

/// <summary>What a convolution in front of a BatchNorm in train mode takes in.</summary>
/// <param name="Input">[B,*Input].</param>
/// <param name="Error">Standard deviations for rounding of dL/dW, [B,*Input].</param>
/// <param name="PreActivationGradient">dL/dz, [B,*Output].</param>
/// <param name="Falling">The part of dL/d input that passes through the convolutions.</param>
/// <param name="Left">What is left of dL/dW in every output channel, relative, [outputs].</param>
/// <param name="Open">The factor of dL/dz on dL/d outputs, [1,C,1,1].</param>
/// <param name="Offset">dL/dz where dL/d outputs is zero, [B,*Output].</param>
internal sealed record CoupledSolution(
    Tensor Input, Tensor Error, Tensor PreActivationGradient, Tensor Falling, Tensor Left, Tensor Open, Tensor Offset) : IDisposable
{
    /// <summary>What is left of dL/dW, relative.</summary>
    public double Residual => Left.square().mean().sqrt().ToDouble();

    public void Dispose()
    {
        foreach (var tensor in new[] { Input, Error, PreActivationGradient, Falling, Left, Open, Offset })
            tensor.Dispose();
    }
}
