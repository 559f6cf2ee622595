using Afterimage.Federation;

namespace Afterimage.Priors;

/// <summary>
/// Mean absolute difference of neighboring pixels, across plus down (Rudin, Osher and Fatemi, 1992; as used by Geiping
/// et al., 2020), of the images as the network sees them, after normalization.
/// </summary>
[Cites("rudin1992nonlinear", "geiping2020inverting")]
public sealed record TotalVariation : Prior
{
    public override Func<Tensor, Tensor> Bind(AttackContext context)
    {
        var scale = tensor(context.Model.Normalization.Std.ToArray(), context.Model.Type, context.Model.Device).view(1, -1, 1, 1);
        return images =>
        {
            var normalized = images / scale;
            var across = images.shape[3] > 1 ? normalized.diff(dim: 3).abs().mean() : normalized.sum() * 0;
            var down = images.shape[2] > 1 ? normalized.diff(dim: 2).abs().mean() : normalized.sum() * 0;
            return across + down;
        };
    }
}
