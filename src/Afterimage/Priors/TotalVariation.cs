using Afterimage.Federation;

namespace Afterimage.Priors;

/// <summary>
/// Mean absolute difference of neighboring pixels (Rudin, Osher and Fatemi, 1992; as used by Geiping et al., 2020) of the normalized
/// images. Nothing is compared across the border of an image.
/// </summary>
[Cites("rudin1992nonlinear", "geiping2020inverting")]
public sealed record TotalVariation : Prior
{
    private const double Smallest = 1e-8;

    /// <summary>
    /// Whether it is (dx^2 + dy^2)^(1/2), with 1e-8 added to |dx| and |dy|, in place of |dx| + |dy|. At the last row and column the
    /// missing difference is zero, and the mean is over all pixels.
    /// </summary>
    public bool Isotropic { get; init; }

    /// <summary>Whether the pairwise differences of the color channels are further channels, against edges of color.</summary>
    public bool DoubleOpponents { get; init; }

    /// <inheritdoc/>
    public override Func<PriorInput, Tensor> Bind(AttackContext context)
    {
        var model = context.Model;
        return trial =>
        {
            var images = model.Normalize(trial.Images);
            if (DoubleOpponents)
                images = WithOpponents(images);
            return Isotropic ? Lengths(images) : Mean(images, 3) + Mean(images, 2);
        };
    }

    private static Tensor Mean(Tensor images, int dimension) =>
        images.shape[dimension] > 1 ? images.diff(dim: dimension).abs().mean() : images.sum() * 0;

    private static Tensor Lengths(Tensor images)
    {
        var across = nn.functional.pad(images.diff(dim: 3).abs() + Smallest, [0, 1, 0, 0], value: Smallest);
        var down = nn.functional.pad(images.diff(dim: 2).abs() + Smallest, [0, 0, 0, 1], value: Smallest);
        return (across.square() + down.square()).sqrt().mean();
    }

    private static Tensor WithOpponents(Tensor images)
    {
        var channels = (int)images.shape[1];
        var all = new List<Tensor> { images };
        for (var i = 0; i < channels; i++)
            for (var j = i + 1; j < channels; j++)
                all.Add(images.narrow(1, i, 1) - images.narrow(1, j, 1));
        return cat(all, 1);
    }
}
