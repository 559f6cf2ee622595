namespace Afterimage.Attacks;

/// <summary>
/// The input of a convolution from dL/dW alone, up to its scale, without knowing dL/dz: dL/dW = D A, where the rows of A are the patches of
/// the input. Where there are at least as many output channels as places, the patches lie in the row space of dL/dW: equations linear in
/// the input with one solution. Directions that D lacks, because some channels are off, are completed: they are what the patches of the
/// solution so far have outside of that space.
/// </summary>
internal sealed class BlindInput
{
    /// <summary>Singular values below this share of the largest are rounding.</summary>
    private const double Rounding = 1e-6;

    private const int Rounds = 40;

    /// <summary>A round that leaves more than this share of what the last one did is the last.</summary>
    private const double Progress = 0.7;

    /// <summary>Of inverse iteration.</summary>
    private const double Stiffness = 1e-11;
    private const int Iterations = 6;

    private const string Name = "A layer's weight gradient";

    private readonly RectifiedBlock whole;

    /// <summary>The same with as many channels as are looked for.</summary>
    private readonly RectifiedBlock block;
    private readonly Tensor gradient;
    private readonly Tensor space;

    private BlindInput(RectifiedBlock whole, RectifiedBlock block)
    {
        (this.whole, this.block) = (whole, block);
        gradient = block.WeightGradient.reshape(block.Conv.Output, -1);
        // Single precision rounds every channel by itself, so that each counts alike.
        var rows = gradient.index_select(0, GradientFactors.Alive(gradient));
        rows /= rows.norm(1, keepdim: true);
        var (_, strengths, directions) = Factorization.Svd(rows, Name);
        // Noise shows in the directions that no patch takes, where there are any; rounding alone is known beforehand.
        var (rank, _) = GradientFactors.Split(strengths.data<double>().ToArray(), rows.shape[0], rows.shape[1], BatchLayer.Rounding);
        var clear = (strengths > Rounding * strengths[0]).sum().ToInt64();
        space = directions.narrow(0, 0, IsNoisy && rank > 0 ? Math.Min(rank, block.Places) : clear).t();
    }

    private bool IsNoisy => whole.Noise > RectifiedBlock.Rounding;

    /// <summary>Directions of the patches that dL/dW does not contain.</summary>
    public long Missing => block.Places - space.shape[1];

    /// <summary>Null where places are too many for the channels.</summary>
    public static BlindInput? Of(RectifiedBlock block)
    {
        if (!block.Form.IsBlind || block.WeightGradient.norm().ToDouble() == 0)
            return null;
        var few = Mixed(block);
        var blind = new BlindInput(block, few);
        return block.Form.IsBlindByLines || (blind.Missing >= 0 && blind.Missing <= BlockForm.MostMissing * few.Places) ? blind : null;
    }

    /// <summary>[1,*Input]; its sum is positive.</summary>
    /// <param name="random">Mixes channels.</param>
    /// <param name="cancellation">Stops with what there is.</param>
    public Tensor Solve(RandomSource random, CancellationToken cancellation) => Tidy.Keep(() =>
    {
        var layer = new BatchLayer(whole.Conv, whole.Input, whole.WeightGradient, Centered: false) { Noise = whole.Noise };
        // Noise asks for equations to spare, which all channels together have.
        if (IsNoisy && Missing == 0)
            return Fitted(layer, MapSpace.Of(layer, 1, random, cancellation));
        // Where directions are missing, lines have more to spare than whole windows.
        if (Missing != 0 && whole.Form.IsBlindByLines && LineSpace.Of(layer, 1, random, cancellation) is { IsClear: true } lines)
            return Fitted(layer, lines);
        var size = block.Input[0] * block.Places;
        var places = block.Map.Reads();
        var counts = PatchForm.Counts(places, size);
        var (taken, before) = (space, double.PositiveInfinity);
        var vectors = Start(size);
        var input = vectors[.., 0];
        for (var round = 0; round < Rounds && !cancellation.IsCancellationRequested; round++)
        {
            (input, var least) = Least(places, taken, counts.rsqrt(), ref vectors);
            if (Missing <= 0 || !(least < Progress * before))
                break;
            before = least;
            var patches = block.Map.Patches(input.reshape([1, .. block.Input])).t();
            var (_, _, outside) = Factorization.Svd(patches - patches.matmul(space).matmul(space.t()), "The set of patches");
            taken = linalg.qr(cat([space, outside.narrow(0, 0, Missing).t()], 1)).Q;
        }
        return Refined(input.reshape([1, .. block.Input]));
    });

    private static Tensor Fitted(BatchLayer layer, MapSpace space)
    {
        var fit = new BilinearFit(layer);
        var input = fit.Inputs(fit.Gradients(space.Basis.Mixed(eye(1, space.Size, ScalarType.Float64))));
        return input * input.sum().sign();
    }

    /// <summary>The input whose patches lie outside of a space least, by inverse iteration.</summary>
    private static (Tensor Input, double Least) Least(Tensor places, Tensor taken, Tensor weights, ref Tensor vectors)
    {
        using var scope = Tidy.Scope();
        var outside = eye(taken.shape[0], dtype: ScalarType.Float64) - taken.matmul(taken.t());
        var form = PatchForm.Of(places, outside, weights.shape[0]);
        form.mul_(weights.unsqueeze(0)).mul_(weights.unsqueeze(1));
        form.diagonal().add_(Stiffness);
        if (Factorization.CholeskyOrNull(form) is not { } factor)
            return ((vectors[.., 0] * weights).MoveToOuterDisposeScope(), double.PositiveInfinity);
        for (var i = 0; i < Iterations; i++)
            vectors = linalg.qr(cholesky_solve(vectors, factor)).Q;
        var (values, rotation) = Factorization.Eigen(vectors.t().matmul(form).matmul(vectors), "The projected quadratic form");
        vectors = vectors.matmul(rotation).MoveToOuterDisposeScope();
        return ((vectors[.., 0] * weights).MoveToOuterDisposeScope(), values[0].ToDouble());
    }

    /// <summary>From few mixtures of channels to all of them: with the input dL/dz is known, and with that the input.</summary>
    private Tensor Refined(Tensor input)
    {
        for (var round = 0; round < 2; round++)
        {
            var preActivationGradient = (round == 0 ? gradient : whole.WeightGradient.reshape(whole.Conv.Output, -1))
                .matmul(Factorization.PseudoInverse((round == 0 ? block : whole).Map.Patches(input).t(), "The set of patches"));
            var system = whole.System(preActivationGradient.reshape([1, .. whole.Output]));
            input = whole.Map.Image(Factorization.LeastSquares(system, whole.Target, "The system of a layer's input"));
        }
        return input * input.sum().sign();
    }

    /// <summary>The constant and two waves: no random numbers, and not orthogonal to anything by design.</summary>
    private static Tensor Start(long size)
    {
        var along = arange(0, size, ScalarType.Float64).unsqueeze(1);
        return (along * tensor([0, 1.7, 2.9]).unsqueeze(0)).cos();
    }

    private static RectifiedBlock Mixed(RectifiedBlock block)
    {
        var few = block.Form.Mixtures;
        if (block.Input[0] <= few)
            return block;
        var (_, _, mixtures) = Factorization.Svd(block.Target, Name);
        var (conv, kernel) = (block.Conv, block.Conv.Kernel);
        var mixed = block.Target.matmul(mixtures.narrow(0, 0, few).t()).reshape(conv.Output, kernel, kernel, few)
            .permute(0, 3, 1, 2).contiguous();
        long[] input = [few, block.Input[1], block.Input[2]];
        var form = block.Form with { Conv = conv with { Input = (int)few }, Input = input };
        return block with { Form = form, Input = input, WeightGradient = mixed };
    }
}
