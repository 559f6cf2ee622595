namespace Afterimage.Numerics;

/// <summary>What <see cref="Factorization"/> does where libtorch's own algorithm fails: slower, and less exact for tiny values.</summary>
internal static class OtherFactorizations
{
    /// <summary>Values and vectors: shifted beyond Gershgorin's circles, the matrix has its eigenvectors for singular vectors.</summary>
    public static Tensor[] Eigen(Tensor symmetric)
    {
        var whole = symmetric.tril() + symmetric.tril(-1).transpose(-1, -2);
        var shift = whole.abs().sum(-1).amax([-1], keepdim: true);
        whole.diagonal(0, -2, -1).add_(shift);
        var (u, s, _) = linalg.svd(whole, fullMatrices: false);
        return [(s - shift).flip(-1), u.flip(-1)];
    }

    /// <summary>U, S and V': U by eigenvectors of A A', then V and S by an orthogonalization of A' U.</summary>
    public static Tensor[] Svd(Tensor matrix, bool full)
    {
        if (matrix.shape[^2] > matrix.shape[^1])
        {
            var turned = Svd(matrix.transpose(-1, -2), full);
            return [turned[2].transpose(-1, -2), turned[1], turned[0].transpose(-1, -2)];
        }
        var unit = matrix.abs().amax([-1, -2], keepdim: true);
        var scaled = matrix / where(unit > 0, unit, ones_like(unit));
        var (_, vectors) = linalg.eigh(scaled.matmul(scaled.transpose(-1, -2)));
        var u = vectors.flip(-1);
        var (q, r) = linalg.qr(scaled.transpose(-1, -2).matmul(u), full ? linalg.QRMode.Complete : linalg.QRMode.Reduced);
        var diagonal = r.diagonal(0, -2, -1);
        var signs = where(diagonal < 0, -ones_like(diagonal), ones_like(diagonal));
        return [u * signs.unsqueeze(-2), diagonal.abs() * unit.squeeze(-1), q.transpose(-1, -2)];
    }

    /// <summary>L, from the matrix without its negative eigenvalues; nothing where none is positive.</summary>
    public static Tensor[] Cholesky(Tensor symmetric)
    {
        var (values, vectors) = linalg.eigh(symmetric);
        var largest = values.narrow(-1, values.shape[^1] - 1, 1);
        if (!largest.gt(0).all().ToBoolean())
            return [];
        var roots = values.maximum(largest * finfo(values.dtype).eps).sqrt();
        var (_, r) = linalg.qr((vectors * roots.unsqueeze(-2)).transpose(-1, -2));
        return [(r * r.diagonal(0, -2, -1).sign().unsqueeze(-1)).transpose(-1, -2).contiguous()];
    }

    public static Tensor PseudoInverse(Tensor matrix, double? tolerance)
    {
        var svd = Svd(matrix, full: false);
        var share = tolerance ?? finfo(matrix.dtype).eps * Math.Max(matrix.shape[^1], matrix.shape[^2]);
        var kept = svd[1] > share * svd[1].amax([-1], keepdim: true);
        var inverse = where(kept, 1 / where(kept, svd[1], ones_like(svd[1])), zeros_like(svd[1]));
        return (svd[2].transpose(-1, -2) * inverse.unsqueeze(-2)).matmul(svd[0].transpose(-1, -2));
    }
}
