using Afterimage.Numerics;

namespace Afterimage.Audit.Measurements;

/// <summary>Who holds which images: a test set, held-out clients, and the clients that train. No image has two places.</summary>
/// <param name="Test">Images of the test.</param>
/// <param name="HeldOut">Images of each held-out client.</param>
/// <param name="Clients">Images of each training client.</param>
internal sealed record ClientSplit(int[] Test, int[][] HeldOut, int[][] Clients)
{
    private const int MostDraws = 100;

    /// <param name="labels">The class of every image of the data set.</param>
    /// <param name="federation">How many of what.</param>
    /// <param name="batch">Images of one held-out client.</param>
    /// <param name="random">Decides; the same source decides alike.</param>
    /// <exception cref="AfterimageException">There are too few images.</exception>
    public static ClientSplit Of(IReadOnlyList<int> labels, Cases.FederationSettings federation, int batch, RandomSource random)
    {
        var apart = federation.TestImages + federation.Attacked * batch;
        if (labels.Count < apart + federation.Clients)
            throw new AfterimageException($"The data set has {labels.Count} images; {federation.TestImages} for the test, " +
                $"{federation.Attacked} held-out clients with {batch} and {federation.Clients} training clients with one need " +
                $"{apart + federation.Clients}: lower testImages, attacked or batchSize, or give more data.");
        var order = Enumerable.Range(0, labels.Count).ToArray();
        random.Derive("split").Managed().Shuffle(order);
        var training = order.Skip(apart).Take(federation.TrainImages).ToArray();
        if (training.Length < federation.Clients)
            throw new AfterimageException(
                $"{training.Length} training images are too few for {federation.Clients} clients: raise trainImages, or lower clients.");
        return new(
            order[..federation.TestImages],
            [.. order[federation.TestImages..apart].Chunk(batch)],
            federation.Dirichlet == 0 ? Evenly(training, federation.Clients)
                : Unevenly(training, labels, federation.Clients, federation.Dirichlet, random.Derive("dirichlet")));
    }

    private static int[][] Evenly(int[] images, int clients) =>
        [.. Enumerable.Range(0, clients).Select(client => images.Where((_, place) => place % clients == client).ToArray())];

    /// <summary>Each class is cut by shares drawn from a Dirichlet distribution, until every client holds an image.</summary>
    private static int[][] Unevenly(int[] images, IReadOnlyList<int> labels, int clients, double concentration, RandomSource random)
    {
        for (var draw = 0; draw < MostDraws; draw++)
        {
            var chance = random.Derive("draw", draw).Managed();
            var parts = Enumerable.Range(0, clients).Select(_ => new List<int>()).ToArray();
            foreach (var alike in images.GroupBy(image => labels[image]).OrderBy(group => group.Key))
            {
                var (own, shares) = (alike.ToArray(), Shares(clients, concentration, chance));
                var (from, sum) = (0, 0.0);
                for (var client = 0; client < clients; client++)
                {
                    sum += shares[client];
                    var to = client == clients - 1 ? own.Length : (int)Math.Round(sum * own.Length);
                    parts[client].AddRange(own[from..Math.Max(from, to)]);
                    from = Math.Max(from, to);
                }
            }
            if (parts.All(part => part.Count > 0))
                return [.. parts.Select(part => part.ToArray())];
        }
        throw new AfterimageException($"No split of {images.Length} images with concentration {concentration} gave each of {clients} " +
            "clients an image: raise dirichlet, or lower clients.");
    }

    /// <summary>A draw from the symmetric Dirichlet distribution; logarithms, for small concentrations give tiny gamma draws.</summary>
    internal static double[] Shares(int count, double concentration, Random chance)
    {
        var logs = Enumerable.Range(0, count).Select(_ => LogGamma(concentration, chance)).ToArray();
        var top = logs.Max();
        var weights = logs.Select(log => Math.Exp(log - top)).ToArray();
        var sum = weights.Sum();
        return [.. weights.Select(weight => weight / sum)];
    }

    /// <summary>The logarithm of a gamma draw (Marsaglia and Tsang, 2000).</summary>
    private static double LogGamma(double shape, Random chance)
    {
        if (shape < 1)
            return LogGamma(shape + 1, chance) + Math.Log(1 - chance.NextDouble()) / shape;
        var d = shape - 1.0 / 3;
        while (true)
        {
            var normal = Math.Sqrt(-2 * Math.Log(1 - chance.NextDouble())) * Math.Cos(2 * Math.PI * chance.NextDouble());
            var v = Math.Pow(1 + normal / Math.Sqrt(9 * d), 3);
            if (v > 0 && Math.Log(1 - chance.NextDouble()) < normal * normal / 2 + d - d * v + d * Math.Log(v))
                return Math.Log(d * v);
        }
    }
}
