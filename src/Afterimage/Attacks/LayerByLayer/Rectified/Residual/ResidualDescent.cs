
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

    /// <summary>Error of what follows from a blind input, relative; one that the head bears out less is not relied upon.</summary>
    private const double BlindError = 1e-4;

    /// <summary>What blind inputs leave of dL/dW, about.</summary>
    private const double Blindly = 1e-7;

    /// <summary>What may be left of the features behind a stem whose output is to be believed.</summary>
    private const double FoundStem = 1e-2;

    /// <summary>The share of the time left that a search for a stem's output may take; the image is looked for without it too.</summary>
    private const double StemShare = 0.5;

    private readonly ProceduralFeatures procedural;
    private readonly Tensor pooled;
    private readonly Tensor pooledGradient;

    public ResidualDescent(AttackRun run, RectifiedChain chain, HeadReading reading, ProceduralFeatures procedural)
        : base(run, chain, procedural)
    {
        this.procedural = procedural;
        (pooled, pooledGradient, _) = chain.Tail.Read(reading);
    }

    /// <summary>How far the head's features are from those of the blind input.</summary>
    private double likeness;

    /// <summary>What is known of the unit that the features leave.</summary>
    private UnitInside? inside;

    /// <summary>The input that was found blindly, as large as it is, and the piece that takes it in.</summary>
    private (int Piece, Tensor Input)? blindly;

    public override bool IsSolved => inside is not null || base.IsSolved;

    public override LastPiece Last(RectifiedPiece piece, bool withGradient = false) => piece is not ResidualUnit unit
        ? base.Last(piece, withGradient)
        : inside is null || !LastUnit.Fits(unit.Form) ? new KnownUnitOutput(unit, Features!) : new LastUnit(unit, inside, Features!,
            !unit.Form.ReadsInput(Attack.Context.Model.Input.Count) && unit.First.IsDetermined);

    public override void Run()
    {
        FeatureGradient = Last();
        var values = End();
        var within = values is null ? EndInside() : null;
        if (values is null && within is null)
            return;
        values ??= zeros([1, .. Chain.Pieces[^1].Leaving], ScalarType.Float64);
        var doubt = full_like(values, within is null ? Math.Max(BlindError, likeness) * values.square().mean().sqrt().ToDouble() : 1);
        Features = values.relu();
        while (!Attack.Stop.IsCancellationRequested && Chain.Pieces[Depth - 1] is ResidualUnit unit)
        {
            if (!unit.Form.IsDetermined)
            {
                var open = unit.Body.Skip(1).First(block => !block.IsDetermined);
                Attack.Note(new LayerOpen(open.Conv.Name, "its weight gradient does not determine its input"));
                break;
            }
            var found = unit.Form.IsStepwise ? Stepwise(unit, within?.On ?? (values > doubt).to(values.dtype))
                : Jointly(unit, values, doubt, within);
            within = null;
            var first = unit.First;
            Attack.Note(new LayerSolved(string.Join(", ", unit.Body.Select(block => block.Conv.Name)), first.Input[0] * first.Places,
                found.Residual)
            {
                Where = found.Input is null ? "read up to the first" : "",
            });
            if (!(found.Residual < Math.Max(unit.First.Exact(SolvedUnit), unit.Second.Exact(SolvedUnit))))
            {
                // A unit whose ReLUs are not told is passed where a blind input nearer to the image makes them known.
                if (blindly is not { } known || known.Piece >= Depth - 1 || known.Piece == 0 || likeness > BlindError)
                    break;
                (Depth, values, FeatureGradient) = (known.Piece, known.Input, Chain.Back(known.Piece, known.Input, Last()));
                (Features, inside) = (values, null);
                doubt = full_like(values, Math.Max(BlindError, likeness) * values.square().mean().sqrt().ToDouble());
                continue;
            }
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
        else if (inside is not null && !Attack.Stop.IsCancellationRequested)
            FindStem((ResidualUnit)Chain.Pieces[Depth - 1], inside);
    }

    /// <summary>dL/d of what leaves the last unit.</summary>
    private Tensor Last()
    {
        var last = Chain.Pieces[^1].Leaving;
        return pooledGradient.reshape(1, -1, 1, 1).expand([1, .. last]) / (last[1] * last[2]);
    }

    /// <summary>What leaves the stem, where more is known behind it.</summary>
    private void FindStem(ResidualUnit unit, UnitInside known)
    {
        using var last = Last(procedural.Pieces[Depth - 1]);
        if (!StemSearch.Applies(Chain, Depth, last))
            return;
        var search = new StemSearch(Chain, procedural);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Attack.Stop);
        if (Attack.SecondsLeft is { } left)
            stop.CancelAfter(TimeSpan.FromSeconds(StemShare * Math.Max(0, left)));
        var found = search.Run(Depth, last, stop.Token);
        Attack.Note(new Remark(FormattableString.Invariant(
            $"What leaves the stem was searched for by the features behind {Depth} pieces, of which {search.Residual:G2} is left.")));
        if (!(search.Residual < FoundStem))
            return;
        var gradient = unit.First.Transpose(known.MiddleGradient) + unit.Return(FeatureGradient! * (Features! > 0));
        FeatureGradient = search.Gradient(found, Depth, gradient);
        (Features, Depth, inside) = (found, 1, null);
    }

    private UnitInput Jointly(ResidualUnit unit, Tensor values, Tensor doubt, UnitMiddle? within)
    {
        var layer = new ResidualLayer(unit, values, FeatureGradient!, doubt, Attack.Context.Random.Derive("rounding", Depth))
        {
            ReadsInput = ReadsInput(unit),
        };
        return within is null ? layer.Solve(Attack.Stop) : layer.Solve(within, Attack.Stop);
    }

    private UnitInput Stepwise(ResidualUnit unit, Tensor on) => new StepwiseUnit(unit, FeatureGradient!)
    {
        ReadsInput = ReadsInput(unit),
        ShiftGradient = Chain.Pieces[Depth - 2].ShiftGradient,
    }.Solve(on, Attack.Stop);

    private bool ReadsInput(ResidualUnit unit) => unit.Form.ReadsInput(Attack.Context.Model.Input.Count);

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
                blindly = (piece, input * scale);
                return Behind(piece, input * scale);
            }
        }
        return null;
    }

    /// <summary>
    /// What the last convolution of the last unit takes in, where that or what another convolution of its body takes in is found blindly.
    /// Its dL/dz is the head's gradient where the unit's last ReLU is on and zero elsewhere, which tells the scale and the ReLUs.
    /// </summary>
    private UnitMiddle? EndInside()
    {
        var body = ((ResidualUnit)Chain.Pieces[^1]).Body;
        var at = body.Count - 1;
        BlindInput? blind;
        for (blind = BlindInput.Of(body[at]); blind is null && at > 1; blind = BlindInput.Of(body[at]))
            at--;
        if (blind is null)
        {
            Attack.Note(new Remark("No unit's weight gradient has the rank of its places: they are too many for its channels, " +
                "or noise hides the rank."));
            return null;
        }
        var input = blind.Solve(Attack.Context.Random.Derive("blind"), Attack.Stop);
        if (Attack.Stop.IsCancellationRequested)
            return null;
        var found = new BlindEnd(body.Skip(at).ToList(), FeatureGradient!).Scaled(input);
        Attack.Note(new BlindInputFound(body[at].Conv.Name, blind.Missing, body[at].Places, found.Difference));
        var error = full_like(found.Inner, BlindError * found.Inner.square().mean().sqrt().ToDouble());
        return found.Difference < Likeness ? new(found.Inner, error, found.On, Blindly) : null;
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
        return ScaleSearch.Least((pooled.norm() / Behind(piece, input).relu().mean([2, 3]).norm()).ToDouble(), Difference);
    }

    /// <summary>What the pieces from one on make of its input, without the last ReLU.</summary>
    private Tensor Behind(int piece, Tensor input)
    {
        for (; piece < Chain.Pieces.Count - 1; piece++)
            input = Chain.Pieces[piece].Forward(input);
        return ((ResidualUnit)Chain.Pieces[piece]).Before(input);
    }
}
