namespace Afterimage.Networks;

/// <summary>The squared error of a set of images that has no order: each is compared with the one that it is matched with.</summary>
[Cites("kuhn1955hungarian")]
internal static class SetLoss
{
    /// <summary>Mean squared error over the best one-to-one matching of every set.</summary>
    /// <param name="predicted">[N,count,...].</param>
    /// <param name="truth">Of the same shape.</param>
    public static Tensor Of(Tensor predicted, Tensor truth) => (predicted - Matched(predicted, truth)).square().mean();

    /// <summary>The truth in the order of the predictions.</summary>
    public static Tensor Matched(Tensor predicted, Tensor truth)
    {
        var (number, count) = (truth.shape[0], (int)truth.shape[1]);
        if (count == 1)
            return truth;
        var (made, real) = (predicted.detach().flatten(2), truth.flatten(2));
        var costs = (made.square().sum(2).unsqueeze(2) + real.square().sum(2).unsqueeze(1) - 2 * made.bmm(real.transpose(1, 2)))
            .to(ScalarType.Float64).cpu().contiguous().data<double>().ToArray();
        // A training that diverged is told by its loss.
        if (!costs.All(double.IsFinite))
            return truth;
        var order = new long[number * count];
        for (var set = 0; set < number; set++)
        {
            var cost = new double[count, count];
            Buffer.BlockCopy(costs, set * count * count * sizeof(double), cost, 0, cost.Length * sizeof(double));
            var columns = Assignment.Of(cost);
            for (var i = 0; i < count; i++)
                order[set * count + i] = set * count + columns[i];
        }
        return truth.flatten(0, 1).index_select(0, tensor(order)).view(truth.shape);
    }
}
