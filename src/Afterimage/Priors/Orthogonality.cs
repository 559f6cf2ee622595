using Afterimage.Federation;

namespace Afterimage.Priors;

/// <summary>
/// Images of one batch should not be mixtures of each other (Qian, Nassar and Hansen, 2020): the mean squared cosine between two images as
/// the network sees them, over all pairs; nothing for a single image.
/// </summary>
[Cites("qian2020minimal")]
public sealed record Orthogonality : Prior
{
    private const double Smallest = 1e-12;

    public override Func<PriorInput, Tensor> Bind(AttackContext context)
    {
        var model = context.Model;
        return trial =>
        {
            var rows = model.Normalize(trial.Images).flatten(1);
            var count = rows.shape[0];
            if (count == 1)
                return rows.sum() * 0;
            var products = rows.matmul(rows.t()).square();
            var squares = rows.square().sum([1]);
            var cosines = products / (squares.unsqueeze(0) * squares.unsqueeze(1) + Smallest);
            return (cosines.sum() - cosines.diagonal().sum()) / (count * (count - 1));
        };
    }
}
