using Afterimage.Federation;

namespace Afterimage.Priors;

/// <summary>
/// The mean squared cosine between two normalized images over all pairs of the batch (Qian, Nassar and Hansen, 2020), against
/// reconstructions that are mixtures of several images; zero for a single image.
/// </summary>
[Cites("qian2020minimal")]
public sealed record Orthogonality : Prior
{
    private const double Smallest = 1e-12;

    /// <inheritdoc/>
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
