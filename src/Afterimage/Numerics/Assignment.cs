namespace Afterimage.Numerics;

/// <summary>The linear assignment problem, solved by the Hungarian method (Kuhn, 1955).</summary>
public static class Assignment
{
    /// <summary>The column of each row such that every column is used once and the summed cost is least; O(n^3).</summary>
    /// <param name="cost">Costs, [n,n].</param>
    /// <exception cref="AfterimageException">The matrix is not square, or a cost is not finite.</exception>
    public static int[] Of(double[,] cost)
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
