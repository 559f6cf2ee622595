namespace Afterimage.Attacks;

/// <summary>
/// The inputs of a batch by least squares against dL/dW itself: dL/dW = sum of dL/dz (x) patch is linear in all dL/dz once the inputs are
/// known, and in all inputs once dL/dz is. Inputs may as well be any basis of their space: dL/dz is then mixed by the inverse.
/// </summary>
internal sealed class BilinearFit
{
    private readonly BatchLayer layer;
    private readonly Tensor rows;
    private readonly Tensor weights;

    public BilinearFit(BatchLayer layer)
    {
        this.layer = layer;
        weights = layer.RowWeights();
        rows = layer.Rows;
    }

    /// <summary>dL/dz, [outputs, B, places].</summary>
    public Tensor Gradients(BatchMaps inputs) => Tidy.Keep(() =>
    {
        var (batch, patches) = (inputs.Maps.shape[0], Patches(inputs.Maps));
        if (inputs.Totals is not { } totals)
            return Least(patches.t(), rows.t()).t().reshape(layer.Conv.Output, batch, -1);
        // Only those that sum to zero over batch and places.
        var sum = totals.repeat_interleave(layer.Patches).unsqueeze(1);
        var free = linalg.qr(sum, linalg.QRMode.Complete).Q[.., 1..];
        return Least(free.t().matmul(patches).t(), rows.t()).t().matmul(free.t()).reshape(layer.Conv.Output, batch, -1);
    });

    /// <summary>The inputs that explain dL/dW best, [B,C,H,W].</summary>
    /// <param name="gradients">[outputs, B, places].</param>
    public Tensor Inputs(Tensor gradients) => Tidy.Keep(() =>
    {
        var (system, target) = (System(gradients), layer.Map.Target(layer.WeightGradient * weights.reshape(-1, 1, 1, 1)));
        return Least(system, target).reshape(gradients.shape[1], layer.Map.Places, -1).transpose(1, 2)
            .reshape([gradients.shape[1], .. layer.Input]);
    });

    /// <summary>The share of dL/dW that inputs and dL/dz leave.</summary>
    public double Residual(Tensor inputs, Tensor gradients)
    {
        using var scope = Tidy.Scope();
        return ((rows - gradients.reshape(layer.Conv.Output, -1).matmul(Patches(inputs))).norm() / rows.norm()).ToDouble();
    }

    /// <summary>The error of a combination of length one at every place, from what is left of dL/dW: [H * W].</summary>
    /// <param name="inputs">An orthonormal basis.</param>
    /// <param name="gradients">Its dL/dz.</param>
    public Tensor Errors(Tensor inputs, Tensor gradients) => Tidy.Keep(() =>
    {
        var rest = (rows - gradients.reshape(layer.Conv.Output, -1).matmul(Patches(inputs))) * weights;
        var system = System(gradients);
        var variance = Factorization.Inverse(system.t().matmul(system), Name).diagonal().reshape(inputs.shape[0], -1).mean([0]);
        return (rest.square().mean() * variance + 1e-40).sqrt();
    });

    private string Name => $"The equations of {layer.Conv.Name}";

    /// <summary>[B * places, C * kernel * kernel].</summary>
    private Tensor Patches(Tensor inputs) => layer.Unfold(inputs).reshape(inputs.shape[0] * layer.Patches, -1);

    /// <summary>Of one channel of all inputs, the same for every channel.</summary>
    private Tensor System(Tensor gradients)
    {
        var (map, weighted) = (layer.Map, gradients * weights.unsqueeze(2));
        return cat([.. Enumerable.Range(0, (int)gradients.shape[1])
            .Select(n => map.System(weighted[.., n].reshape([1, .. map.Output])))], 1);
    }

    /// <summary>By normal equations, and what they leave once more, which gives back the digits that they lose.</summary>
    private Tensor Least(Tensor system, Tensor target)
    {
        var lower = Factorization.Cholesky(system.t().matmul(system), Name);
        var found = cholesky_solve(system.t().matmul(target), lower);
        for (var i = 0; i < 2; i++)
            found += cholesky_solve(system.t().matmul(target - system.matmul(found)), lower);
        return found;
    }
}
