using Afterimage.Numerics;

namespace Afterimage.Audit.Metrics;

/// <summary>
/// Pairs true images with reconstructions, each used once, such that the summed mean squared error is least. A gradient
/// does not know the order of its batch, so metrics mean nothing before this.
/// </summary>
public static class Matching
{
    /// <summary>For each true image, in order, the index of its reconstruction: <c>seen[result[i]]</c> belongs to <c>truth[i]</c>.</summary>
    /// <exception cref="AfterimageException">The batches differ in size or shape.</exception>
    public static Seq<int> Of(ImageBatch truth, ImageBatch seen)
    {
        if (truth.Count != seen.Count)
            throw new AfterimageException(
                $"The batch has {truth.Count} images and the reconstruction {seen.Count}: give the attack the batch size of the client.");
        var metric = new MeanSquaredError();
        var cost = new double[truth.Count, truth.Count];
        for (var i = 0; i < truth.Count; i++)
            for (var j = 0; j < truth.Count; j++)
                cost[i, j] = metric.Measure(truth[i], seen[j]);
        return Assign(cost).ToSeq();
    }

    /// <summary>
    /// For each row of a square cost matrix its column, such that the sum is least: the Hungarian method (Kuhn, 1955) by
    /// shortest augmenting paths, in O(n^3).
    /// </summary>
    public static int[] Assign(double[,] cost)
    {
        var n = cost.GetLength(0);
        if (cost.GetLength(1) != n)
            throw new AfterimageException($"An assignment needs a square cost matrix, but this one is {n}x{cost.GetLength(1)}.");
        foreach (var value in cost)
            if (!double.IsFinite(value))
                throw new AfterimageException("An assignment needs finite costs.");

        // Rows and columns count from 1; column 0 stands for the row that is being placed.
        var rowPotential = new double[n + 1];
        var columnPotential = new double[n + 1];
        var rowOf = new int[n + 1];
        var previous = new int[n + 1];
        var slack = new double[n + 1];
        var visited = new bool[n + 1];
        for (var row = 1; row <= n; row++)
        {
            rowOf[0] = row;
            Array.Fill(slack, double.PositiveInfinity);
            Array.Clear(visited);
            var column = 0;
            while (rowOf[column] != 0)
            {
                visited[column] = true;
                var (current, next, least) = (rowOf[column], 0, double.PositiveInfinity);
                for (var j = 1; j <= n; j++)
                {
                    if (visited[j])
                        continue;
                    var reduced = cost[current - 1, j - 1] - rowPotential[current] - columnPotential[j];
                    if (reduced < slack[j])
                        (slack[j], previous[j]) = (reduced, column);
                    if (slack[j] < least)
                        (least, next) = (slack[j], j);
                }
                for (var j = 0; j <= n; j++)
                {
                    if (visited[j])
                        (rowPotential[rowOf[j]], columnPotential[j]) = (rowPotential[rowOf[j]] + least, columnPotential[j] - least);
                    else
                        slack[j] -= least;
                }
                column = next;
            }
            for (; column != 0; column = previous[column])
                rowOf[column] = rowOf[previous[column]];
        }

        var columnOf = new int[n];
        for (var j = 1; j <= n; j++)
            columnOf[rowOf[j] - 1] = j - 1;
        return columnOf;
    }
}
