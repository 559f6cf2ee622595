namespace Afterimage.Solvers;

/// <summary>
/// The covariance matrix adaptation evolution strategy (Hansen, 2016): every iteration draws a population from a normal distribution, and
/// moves its mean, covariance and step size toward the better half. It needs no derivative, and memory for a square matrix of the
/// variables; above <see cref="Full"/> variables the covariance is kept diagonal (Ros and Hansen, 2008).
/// </summary>
[Cites("hansen2016cma", "ros2008simple")]
public sealed record CmaEs : Solver
{
    /// <summary>Points drawn in one iteration; 0 takes 4 + 3 log n.</summary>
    [Range(0, 1_000_000)]
    public int Population { get; init; }

    /// <summary>The first standard deviation, in units of the variables.</summary>
    [Range(0, 1e6, MinimumIsExclusive = true)]
    public double Deviation { get; init; } = 1;

    /// <summary>Variables up to which the whole covariance is adapted.</summary>
    [Range(0, 10_000)]
    public int Full { get; init; } = 1024;

    /// <inheritdoc/>
    public override IEnumerable<SolverStep> Descend(Objective objective, Tensor start, RandomSource random)
    {
        using var evolution = new Evolution(this, start, random);
        using var best = start.clone();
        var least = objective.Value(best);
        yield return new(0, least, best);
        for (var step = 1; step < Iterations; step++)
        {
            using (Tidy.Scope())
            {
                var (points, values) = evolution.Step(objective);
                var index = values.argmin().ToInt64();
                if (values[index].ToDouble() < least)
                {
                    best.copy_(points[index]);
                    least = values[index].ToDouble();
                }
            }
            yield return new(step, least, best);
        }
    }

    /// <summary>The distribution, in double precision on the CPU.</summary>
    private sealed class Evolution : IDisposable
    {
        private readonly long size;
        private readonly int population;
        private readonly bool full;
        private readonly ScalarType type;
        private readonly Device device;
        private readonly torch.Generator generator;
        private readonly Tensor weights, mean, path, stepPath, covariance, axes, lengths;
        private readonly double effective, rankOne, rankMany, pathRate, stepRate, damping, expected;
        private double deviation;
        private int generation;

        public Evolution(CmaEs settings, Tensor start, RandomSource random)
        {
            size = start.shape[0];
            var n = (double)size;
            (type, device, deviation) = (start.dtype, start.device, settings.Deviation);
            population = settings.Population > 1 ? settings.Population : 4 + (int)(3 * Math.Log(n));
            full = size <= settings.Full;
            generator = random.Derive("evolution").Generator(CPU);
            var parents = Math.Max(1, population / 2);
            var ranks = Enumerable.Range(1, parents).Select(rank => Math.Log((population + 1) / 2.0) - Math.Log(rank)).ToArray();
            var sum = ranks.Sum();
            weights = tensor(ranks.Select(rank => rank / sum).ToArray());
            effective = 1 / ranks.Sum(rank => rank * rank / (sum * sum));
            pathRate = (4 + effective / n) / (n + 4 + 2 * effective / n);
            stepRate = (effective + 2) / (n + effective + 5);
            rankOne = 2 / ((n + 1.3) * (n + 1.3) + effective);
            rankMany = Math.Min(1 - rankOne, 2 * (effective - 2 + 1 / effective) / ((n + 2) * (n + 2) + effective));
            if (!full)
            {
                rankOne = Math.Min(1, rankOne * (n + 2) / 3);
                rankMany = Math.Min(1 - rankOne, rankMany * (n + 2) / 3);
            }
            damping = 1 + 2 * Math.Max(0, Math.Sqrt((effective - 1) / (n + 1)) - 1) + stepRate;
            expected = Math.Sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
            mean = zeros([size], ScalarType.Float64, CPU);
            mean.copy_(start);
            (path, stepPath) = (zeros_like(mean), zeros_like(mean));
            covariance = full ? eye(size, dtype: ScalarType.Float64) : ones_like(mean);
            axes = full ? eye(size, dtype: ScalarType.Float64) : empty(0, ScalarType.Float64);
            lengths = ones_like(mean);
        }

        /// <summary>One generation: its points as the objective sees them, [population,n], and their values.</summary>
        public (Tensor Points, Tensor Values) Step(Objective objective)
        {
            var normal = randn([population, size], ScalarType.Float64, CPU, generator: generator);
            var steps = full ? (normal * lengths).matmul(axes.t()) : normal * lengths;
            var points = (mean + steps * deviation).to(type).to(device);
            var values = new double[population];
            for (var i = 0; i < population; i++)
            {
                using var scope = Tidy.Scope();
                var point = points[i];
                objective.Project(point);
                values[i] = objective.Value(point) is var value && double.IsFinite(value) ? value : double.MaxValue;
            }
            // What was moved into the allowed range counts from where it lies now.
            Adapt((points.to(ScalarType.Float64).cpu() - mean) / deviation, values);
            return (points, tensor(values));
        }

        private void Adapt(Tensor steps, double[] values)
        {
            generation++;
            var order = tensor(values).argsort().narrow(0, 0, weights.shape[0]);
            var chosen = steps.index_select(0, order);
            var step = weights.matmul(chosen);
            mean.add_(step, alpha: deviation);
            var whitened = full ? axes.matmul(axes.t().mv(step) / lengths) : step / lengths;
            stepPath.mul_(1 - stepRate).add_(whitened, alpha: Math.Sqrt(stepRate * (2 - stepRate) * effective));
            var length = stepPath.norm().ToDouble();
            var moves = length / Math.Sqrt(1 - Math.Pow(1 - stepRate, 2 * generation)) < (1.4 + 2.0 / (size + 1)) * expected;
            path.mul_(1 - pathRate);
            if (moves)
                path.add_(step, alpha: Math.Sqrt(pathRate * (2 - pathRate) * effective));
            var kept = 1 - rankOne - rankMany + (moves ? 0 : rankOne * pathRate * (2 - pathRate));
            covariance.mul_(kept);
            if (full)
            {
                covariance.add_(path.unsqueeze(1).matmul(path.unsqueeze(0)), alpha: rankOne);
                covariance.add_((chosen * weights.unsqueeze(1)).t().matmul(chosen), alpha: rankMany);
            }
            else
                covariance.add_(path.square(), alpha: rankOne).add_(weights.matmul(chosen.square()), alpha: rankMany);
            deviation *= Math.Exp(Math.Min(1, stepRate / damping * (length / expected - 1)));
            Shape();
        }

        // The axes change slowly, and finding them costs the cube of the variables.
        private void Shape()
        {
            if (!full)
                lengths.copy_(covariance.sqrt());
            else if (generation % Math.Max(1, (int)(1 / (10 * size * (rankOne + rankMany)))) == 0)
            {
                var (squares, directions) = Factorization.Eigen(
                    (covariance + covariance.t()) / 2, "The covariance of the evolution strategy");
                lengths.copy_(squares.clamp_min(1e-20).sqrt());
                axes.copy_(directions);
            }
        }

        public void Dispose()
        {
            generator.Dispose();
            foreach (var part in (Tensor[])[weights, mean, path, stepPath, covariance, axes, lengths])
                part.Dispose();
        }
    }
}
