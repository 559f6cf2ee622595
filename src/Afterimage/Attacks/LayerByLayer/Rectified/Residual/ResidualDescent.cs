
namespace Afterimage.Attacks;

/// <summary>
/// From the head of a residual network down. The input of one of the last units is found blindly, up to a scale that the head's own
/// features tell; what the network makes of it tells which ReLUs are on at the end. From there unit after unit is solved for, until one
/// has too few equations for its places.
/// </summary>
internal sealed class ResidualDescent : HeadDescent
{
    /// <summary>A unit that leaves more than this of its weight gradients has wrong ReLUs.</summary>
    private const double SolvedUnit = 1e-3;

    /// <summary>How far the head's features may be from those of a blind input.</summary>
    private const double Likeness = 0.01;

    /// <summary>Error of what follows from a blind input, relative.</summary>
    private const double BlindError = 1e-4;
    private const int Scales = 121;
    private const int Turns = 20;

    /// <summary>What blind inputs leave of dL/dW, about.</summary>
    private const double Blindly = 1e-7;

    private readonly Tensor pooled;
    private readonly Tensor pooledGradient;

    public ResidualDescent(AttackRun run, RectifiedChain chain, HeadReading reading, ProceduralFeatures procedural)
        : base(run, chain, procedural) => (pooled, pooledGradient, _) = chain.Tail.Read(reading);

    /// <summary>How far the head's features are from those of the blind input.</summary>
    private double likeness;

    /// <summary>What is known of the unit that the features leave.</summary>
    private UnitInside? inside;

    public override bool IsSolved => inside is not null || base.IsSolved;

    public override LastPiece Last(RectifiedPiece piece) => piece is not ResidualUnit unit ? base.Last(piece)
        : inside is null ? new KnownUnitOutput(unit, Features!) : new LastUnit(unit, inside, Features!,
            !unit.Form.ReadsInput(Attack.Context.Model.Input.Count) && unit.First.IsDetermined);

    public override void Run()
    {
        var last = Chain.Pieces[^1].Leaving;
        FeatureGradient = pooledGradient.reshape(1, -1, 1, 1).expand([1, .. last]) / (last[1] * last[2]);
        var values = End();
        var within = values is null ? EndInside() : null;
        if (values is null && within is null)
            return;
        values ??= zeros([1, .. last], ScalarType.Float64);
        var doubt = full_like(values, within is null ? Math.Max(BlindError, likeness) * values.square().mean().sqrt().ToDouble() : 1);
        Features = values.relu();
        while (!Attack.Stop.IsCancellationRequested && Chain.Pieces[Depth - 1] is ResidualUnit unit)
        {
            if (!unit.Second.IsDetermined)
            {
                Attack.Note(new LayerOpen(unit.Second.Conv.Name, "its weight gradient does not determine its input"));
                break;
            }
            var layer = new ResidualLayer(unit, values, FeatureGradient!, doubt, Attack.Context.Random.Derive("rounding", Depth))
            {
                ReadsInput = unit.Form.ReadsInput(Attack.Context.Model.Input.Count),
            };
            var found = within is null ? layer.Solve(Attack.Stop) : layer.Solve(within, Attack.Stop);
            within = null;
            var (first, second) = (unit.First, unit.Second.Conv.Name);
            Attack.Note(new LayerSolved($"{first.Conv.Name}, {second}", first.Input[0] * first.Places, found.Residual)
            {
                Where = found.Input is null ? "read up to the first" : "",
            });
            if (!(found.Residual < Math.Max(unit.First.Exact(SolvedUnit), unit.Second.Exact(SolvedUnit))))
                break;
            inside = found.Inside;
            if (found.Input is null)
                break;
            (values, FeatureGradient, doubt) = (found.Input, found.FeatureGradient!, found.Doubt!);
            Features = found.Input * (found.Input > doubt);
            inside = null;
            Depth--;
        }
        if (Depth < Chain.Pieces.Count && inside is null)
            Descend();
    }

    /// <summary>What leaves the last unit in front of its ReLU, about.</summary>
    private Tensor? End()
    {
        var candidates = from piece in Enumerable.Range(0, Chain.Pieces.Count)
                         let unit = Chain.Pieces[piece] as ResidualUnit
                         where unit is not null
                         let blind = BlindInput.Of(unit.First)
                         where blind is not null
                         orderby blind.Missing
                         select (piece, unit, blind);
        foreach (var (piece, unit, blind) in candidates.DefaultIfEmpty())
        {
            if (blind is null)
                break;
            var input = blind.Solve(Attack.Context.Random.Derive("blind"), Attack.Stop);
            if (Attack.Stop.IsCancellationRequested)
                return null;
            var (scale, difference) = Scaled(piece, input);
            Attack.Note(new BlindInputFound(unit.First.Conv.Name, blind.Missing, unit.First.Places, difference));
            if (difference < Likeness)
            {
                likeness = difference;
                return Behind(piece, input * scale);
            }
        }
        return null;
    }

    /// <summary>
    /// What the second convolution of the last unit takes in, where that is found blindly. Its dL/dz is the head's gradient where the
    /// unit's last ReLU is on and zero elsewhere, which tells the scale and the ReLUs.
    /// </summary>
    private UnitMiddle? EndInside()
    {
        var second = ((ResidualUnit)Chain.Pieces[^1]).Second;
        if (BlindInput.Of(second) is not { } blind)
        {
            Attack.Note(new Remark("No unit's weight gradient has the rank of its places: they are too many for its channels, " +
                "or noise hides the rank."));
            return null;
        }
        var input = blind.Solve(Attack.Context.Random.Derive("blind"), Attack.Stop);
        if (Attack.Stop.IsCancellationRequested)
            return null;
        var arriving = second.WeightGradient.flatten(1)
            .matmul(Factorization.PseudoInverse(second.Map.Patches(input).t(), "The set of patches"));
        var open = (FeatureGradient! * second.Scale).reshape(arriving.shape);
        var (weights, shares) = (open.square(), arriving / where(open == 0, 1.0, open));
        var scale = shares.max().ToDouble();
        var on = shares;
        for (var turn = 0; turn < Turns; turn++)
        {
            on = (shares > scale / 2).to(ScalarType.Float64);
            scale = ((shares * weights * on).sum() / (weights * on).sum()).ToDouble();
        }
        var difference = (((shares / scale - on).square() * weights).sum() / (weights * on).sum()).sqrt().ToDouble();
        Attack.Note(new BlindInputFound(second.Conv.Name, blind.Missing, second.Places, difference));
        var inner = input * scale;
        var error = full_like(inner, BlindError * inner.square().mean().sqrt().ToDouble());
        return difference < Likeness ? new(inner, error, on.reshape(FeatureGradient!.shape), Blindly) : null;
    }

    private (double Scale, double Likeness) Scaled(int piece, Tensor input)
    {
        double Difference(double scale)
        {
            using var scope = Tidy.Scope();
            return ((Behind(piece, input * scale).relu().mean([2, 3]) - pooled).norm() / pooled.norm()).ToDouble();
        }
        // Without BatchNorm's shifts features are proportional to the scale.
        using var scope = Tidy.Scope();
        var guess = (pooled.norm() / Behind(piece, input).relu().mean([2, 3]).norm()).ToDouble();
        var scale = Enumerable.Range(0, Scales).Select(i => guess * Math.Pow(1e6, (double)i / (Scales - 1) - 0.5))
            .Append(guess).MinBy(Difference);
        for (var width = Math.Pow(1e6, 1.0 / (Scales - 1)) - 1; width > 1e-9; width /= 2)
            scale = new[] { scale, scale * (1 + width), scale / (1 + width) }.MinBy(Difference);
        return (scale, Difference(scale));
    }

    /// <summary>What the pieces from one on make of its input, without the last ReLU.</summary>
    private Tensor Behind(int piece, Tensor input)
    {
        for (; piece < Chain.Pieces.Count - 1; piece++)
            input = Chain.Pieces[piece].Forward(input);
        var unit = (ResidualUnit)Chain.Pieces[piece];
        return unit.Before(input, unit.First.Forward(input));
    }
}
