namespace Afterimage.Attacks;

/// <summary>
/// The inputs of a batch at one layer from its weight gradient alone, without labels, head or dL/dz: the space that they span, and in
/// it the non-negative vectors with many zeros. It proves itself: by the gap of the eigenvalues, by zeros that support one another,
/// and by what is left of dL/dW.
/// </summary>
/// <param name="Inputs">
/// Those that were separated, exactly zero where they are. Each has length one where nothing tells how large it is; otherwise they stand
/// in the right proportion, and are as large as they are where dL/dz is known in sum.
/// </param>
/// <param name="Gradients">
/// dL/dz of each, [outputs, B, places], as large as fits its input; null unless all are separated or a ReLU behind the layer tells it.
/// </param>
/// <param name="Evidence">What it says of itself.</param>
internal sealed record BlindBatch(BatchMaps Inputs, Tensor? Gradients, BatchSeparated Evidence)
{
    /// <summary>A space that leaves more of dL/dW than this is not that of the batch.</summary>
    private const double MostResidual = 0.1;

    /// <summary>Fewer images than the batch has must explain dL/dW up to so many times its error.</summary>
    private const double MostNoise = 100;

    /// <summary>Whether all images that the layer counts were separated.</summary>
    public bool IsWhole => Evidence.Separated == Evidence.Size;

    /// <summary>What a layer without an obstacle tells; null where its patches span no space of maps that explains it.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="batch">What the client says.</param>
    /// <param name="random">Mixes channels and draws programs.</param>
    /// <param name="stop">Leaves the space, and ends the search for images with what there is.</param>
    public static BlindBatch? Of(BatchLayer layer, int batch, RandomSource random, CancellationToken stop)
    {
        using var scope = Tidy.Scope();
        if (Space(layer, batch, random, stop) is not { } space)
            return null;
        var fit = new BilinearFit(layer);
        var basis = (space.Basis with { Maps = fit.Inputs(fit.Gradients(space.Basis)) }).Orthonormal();
        stop.ThrowIfCancellationRequested();
        var gradients = fit.Gradients(basis);
        // The rank of a linear layer's gradient counts the images above its noise, declared or not.
        var most = space.Size < batch && layer.Patches > 1 ? Math.Min(MostResidual, MostNoise * layer.Noise) : MostResidual;
        if (!(fit.Residual(basis.Maps, gradients) <= most))
            return null;
        var errors = fit.Errors(basis.Maps, gradients);
        var search = new SparseNonNegative(basis, errors, random);
        search.Search(stop);

        var found = search.Found;
        if (layer is { Gates: not null, Sums: not null } && found.Count < space.Size && found.Count > 0)
        {
            var images = new GateDeflation(layer, basis, gradients, errors).Search(found, random, stop);
            found = [.. images.Select(image => image.Direction)];
            if (found.Count < space.Size && images.Where(image => image.Dual is not null).ToList() is { Count: > 0 } proved)
                return Proved(proved, found.Count);
        }
        var mixing = found.Count == 0 ? zeros([0, space.Size], ScalarType.Float64)
            : tensor(found.SelectMany(v => v).ToArray()).reshape(-1, space.Size);
        var whole = found.Count == space.Size;
        var inputs = Cleared(basis.Mixed(mixing), errors);
        var own = whole ? fit.Gradients(inputs) : null;
        var residual = own is null ? fit.Residual(basis.Maps, gradients) : fit.Residual(inputs.Maps, own);
        if (own is not null)
            (inputs, own) = Scaled(inputs, own, layer.Sums);
        var share = found.Count == 0 ? 0 : inputs.Maps.eq(0).to(ScalarType.Float64).mean().ToDouble();
        inputs.Totals?.MoveToOuterDisposeScope();
        return new(inputs with { Maps = inputs.Maps.MoveToOuterDisposeScope() }, own?.MoveToOuterDisposeScope(),
            new(layer.Conv.Name, batch, space.Size, found.Count, space.Gap, share, residual));

        // Some of the batch, with dL/dz of each.
        BlindBatch Proved(List<(double[] Direction, double[]? Dual)> images, int separated)
        {
            Tensor Rows(Func<(double[] Direction, double[]? Dual), double[]> part) =>
                tensor(images.SelectMany(part).ToArray()).reshape(-1, space.Size);
            var sums = Factorization.LeastSquares(gradients.squeeze(2), layer.Sums!.unsqueeze(1), "The sums of dL/dz");
            var (directions, duals) = (Rows(image => image.Direction), Rows(image => image.Dual!));
            var inputs = Cleared(basis.Mixed(directions / directions.matmul(sums)), errors);
            duals = duals * directions.matmul(sums) / (duals * directions).sum([1], keepdim: true);
            return new(new(inputs.Maps.MoveToOuterDisposeScope(), null),
                gradients.squeeze(2).matmul(duals.t()).unsqueeze(2).MoveToOuterDisposeScope(),
                new(layer.Conv.Name, batch, space.Size, separated, space.Gap, inputs.Maps.eq(0).to(ScalarType.Float64).mean().ToDouble(),
                    fit.Residual(basis.Maps, gradients)));
        }
    }

    /// <summary>By whole windows where channels are enough, and by their columns and rows where they are not.</summary>
    private static MapSpace? Space(BatchLayer layer, int batch, RandomSource random, CancellationToken stop)
    {
        if (batch <= SeparableBatch.ByWindows(layer.Conv, layer.Input, layer.Centered)
            && MapSpace.Of(layer, batch, random, stop) is { IsClear: true } whole)
            return whole;
        return batch <= SeparableBatch.ByLines(layer.Conv, layer.Input)
            && LineSpace.Of(layer, batch, random, stop) is { IsClear: true } cut ? cut : null;
    }

    /// <summary>What is within the errors of zero, or below, is zero.</summary>
    private static BatchMaps Cleared(BatchMaps inputs, Tensor errors)
    {
        var each = errors.repeat(inputs.Maps.shape[1]);
        for (var n = 0L; n < inputs.Maps.shape[0]; n++)
        {
            var values = inputs.Maps[n].view(-1);
            values.mul_(ZeroPattern.Zeros(values, each).logical_not()).clamp_(min: 0);
        }
        return inputs;
    }

    /// <summary>
    /// As large as they are. The sums of dL/dz are those of every input, each divided by its length; without them, in train mode, each
    /// holds the mean patch once.
    /// </summary>
    private static (BatchMaps Inputs, Tensor Gradients) Scaled(BatchMaps inputs, Tensor gradients, Tensor? sums)
    {
        var scale = sums is not null
            ? 1 / Factorization.LeastSquares(gradients.sum([2]), sums.unsqueeze(1), "The sums of dL/dz").squeeze(1)
            : inputs.Totals is { } totals ? totals.mean() / totals : ones([inputs.Maps.shape[0]], ScalarType.Float64);
        // What leaves no trace in the sums has no length either.
        scale = where(scale.isfinite() & (scale > 0), scale, ones_like(scale));
        return (inputs.Mixed(scale.diag()), gradients / scale.reshape(1, -1, 1));
    }
}
