namespace Afterimage.Attacks;

/// <summary>The inputs of a batch at one layer, or any basis of the space that they span.</summary>
/// <param name="Maps">[B,C,H,W].</param>
/// <param name="Totals">
/// Where dL/dz sums to zero over batch and places: how much of the mean patch each map holds, [B], up to a common factor. It is one for an
/// input as it is, so it tells how large inputs are next to one another, which dL/dW does not tell otherwise.
/// </param>
internal sealed record BatchMaps(Tensor Maps, Tensor? Totals)
{
    /// <summary>As rows, [B, C * H * W].</summary>
    public Tensor Rows => Maps.flatten(1);

    /// <summary>Combinations of these.</summary>
    /// <param name="mixing">[B', B].</param>
    public BatchMaps Mixed(Tensor mixing) =>
        new(mixing.matmul(Rows).reshape([mixing.shape[0], .. Maps.shape[1..]]), Totals is null ? null : mixing.matmul(Totals));

    /// <summary>An orthonormal basis of the same space.</summary>
    public BatchMaps Orthonormal()
    {
        var triangular = linalg.qr(Rows.t()).R;
        var mixing = linalg.solve_triangular(triangular.t(), eye(triangular.shape[0], dtype: ScalarType.Float64), upper: false);
        return Mixed(mixing);
    }
}
