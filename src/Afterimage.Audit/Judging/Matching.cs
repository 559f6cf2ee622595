using Afterimage.Audit.Clients;
using Afterimage.Numerics;

namespace Afterimage.Audit.Judging;

/// <summary>
/// Pairs true images with reconstructions, each used once, such that the summed mean squared error is least. A gradient
/// does not know the order of its batch, so metrics mean nothing before this.
/// </summary>
public static class Matching
{
    /// <summary>For each true image the index of its reconstruction: <c>seen[result[i]]</c> belongs to <c>truth[i]</c>.</summary>
    /// <exception cref="AfterimageException">The batches differ in size or shape.</exception>
    public static ValueList<int> Of(ImageBatch truth, ImageBatch seen)
    {
        if (truth.Count != seen.Count)
            throw new AfterimageException(
                $"The batch has {truth.Count} images and the reconstruction {seen.Count}: give the attack the batch size of the client.");
        var metric = new MeanSquaredError();
        var cost = new double[truth.Count, truth.Count];
        for (var i = 0; i < truth.Count; i++)
            for (var j = 0; j < truth.Count; j++)
                cost[i, j] = metric.Measure(truth[i], seen[j]);
        return Assignment.Of(cost).ToValueList();
    }
}
