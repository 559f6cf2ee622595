using Afterimage.Images;

namespace Afterimage.Leakage;

/// <summary>
/// The spectrum of one Jacobian under the white prior and under one of images, whole or bracketed, and what is left of the variance:
/// of each pixel as a share, of each image as a mean squared error.
/// </summary>
internal sealed record Spectra(bool Exact, string Method, ValueList<double> Singular, SpectralBracket White, SpectralBracket Image,
    ValueList<ValueList<double>> Map, ValueList<Interval> Images, double? Spread = null)
{
    public static Spectra Whole(UpdateJacobian jacobian, WhiteImages white, GaussianImages prior, double noise, RandomSource random)
    {
        using var scope = Tidy.Scope();
        var gram = jacobian.Gram();
        using var plain = new ExactSpectrum(jacobian, white, gram);
        var deviation = Math.Sqrt(white.PixelVariance);
        var singular = plain.Values.Select(value => Math.Sqrt(value) / deviation).OrderDescending().ToValueList();
        var whole = SpectralBracket.Exact(plain.Measure());
        var second = plain.SecondPass;
        plain.Dispose();
        using var colored = new ExactSpectrum(jacobian, prior, gram);
        jacobian.Say("draws the map of what is determined");
        var remaining = colored.Remaining(noise);
        var method = "The whole spectrum, from J'J in double precision" + (second > 0
            ? $"; {second} directions below 3e-5 of the largest singular value, where a squared matrix is not enough, were decomposed " +
                "a second time."
            : ", which is enough: no singular value is below 3e-5 of the largest.");
        return new(true, method, singular, whole, SpectralBracket.Exact(colored.Measure()), Mapped(remaining, jacobian, prior),
            PerImage(remaining, jacobian).Select(left => new Interval(left, left)).ToValueList(), colored.Spread(noise, random));
    }

    public static Spectra Bracketed(
        UpdateJacobian jacobian, WhiteImages white, GaussianImages prior, double noise, int steps, int probes, RandomSource random)
    {
        using var scope = Tidy.Scope();
        var deviation = Math.Sqrt(white.PixelVariance);
        using var first = Run(jacobian, white, steps, random, "white", 0);
        var (values, _) = first.Ritz();
        var singular = values.clamp_min(0).sqrt().data<double>().ToArray()
            .Select(value => value / deviation).OrderDescending().ToValueList();
        IEnumerable<SpectralBracket> Further(GaussianImages images, string stream) =>
            Enumerable.Range(1, probes - 1).Select(probe => Bracket(jacobian, images, steps, random, stream, probe));
        var plain = Mean([first.Bracket(), .. Further(white, "white")], white, jacobian);
        using var colored = Run(jacobian, prior, steps, random, "images", 0);
        var image = Mean([colored.Bracket(), .. Further(prior, "images")], prior, jacobian);
        var remaining = Remaining(colored, jacobian, prior, noise);
        var method = $"Lanczos, {steps} steps from {probes} random start{(probes == 1 ? "" : "s")}: forecasts are intervals, no wider " +
            "than the count of equations allows; the map shows what these steps resolve at least, and the rank is open.";
        return new(false, method, singular, plain, image, Mapped(remaining, jacobian, prior),
            Within(image.Remaining(noise), PerImage(remaining, jacobian), jacobian.Unknowns / jacobian.Shape[0]));
    }

    private static SpectralBracket Bracket(
        UpdateJacobian jacobian, GaussianImages prior, int steps, RandomSource random, string stream, int probe)
    {
        using var run = Run(jacobian, prior, steps, random, stream, probe);
        return run.Bracket();
    }

    /// <summary>From T'u, u standard normal: the expected integral of f is then the trace of T f(T'J'JT) T'.</summary>
    private static Lanczos Run(
        UpdateJacobian jacobian, GaussianImages prior, int steps, RandomSource random, string stream, int probe)
    {
        using var scope = Tidy.Scope();
        using var generator = random.Derive(stream, probe).Generator(CPU);
        var start = prior.Analyze(randn(jacobian.Shape, ScalarType.Float64, CPU, generator: generator)).view(-1);
        Tensor Product(Tensor vector) => prior.Analyze(jacobian.Transpose(jacobian.Apply(prior.Synthesize(vector)))).view(-1);
        var step = 0;
        return new(vector =>
        {
            jacobian.Say($"Lanczos start {probe + 1} ({prior.Name})", step++, steps, "steps");
            return Tidy.Keep(() => Product(vector));
        }, start, steps);
    }

    /// <summary>The mean over runs; the total weight, which is known, is put in place of its estimate.</summary>
    private static SpectralBracket Mean(IReadOnlyList<SpectralBracket> runs, GaussianImages prior, UpdateJacobian jacobian)
    {
        var total = prior.Variance.sum().ToDouble() * jacobian.Shape[0];
        var factor = total / runs.Sum(run => run.Optimistic.Total);
        SpectralMeasure Joined(Func<SpectralBracket, SpectralMeasure> side) => new(runs.SelectMany(run => side(run).Values).ToValueList(),
            runs.SelectMany(run => side(run).Weights).Select(weight => weight * factor).ToValueList());
        return new(Joined(run => run.Optimistic), Joined(run => run.Pessimistic), prior.Unmeasured(jacobian.Shape[0], jacobian.Equations));
    }

    /// <summary>The posterior variance of every pixel if nothing were known outside the Krylov space: at least the true one.</summary>
    private static Tensor Remaining(Lanczos run, UpdateJacobian jacobian, GaussianImages prior, double noise)
    {
        var (values, vectors) = run.Ritz();
        var known = (values.clamp_min(0) / (values.clamp_min(0) + noise * noise)).view(-1, 1);
        var directions = prior.Synthesize(vectors.contiguous()).view(vectors.shape);
        return prior.Variance.expand(jacobian.Shape).reshape(-1) - (directions.square() * known).sum(dim: 0);
    }

    private static ValueList<ValueList<double>> Mapped(Tensor remaining, UpdateJacobian jacobian, GaussianImages prior)
    {
        var shares = (remaining / prior.Variance.expand(jacobian.Shape).reshape(-1)).clamp(0, 1).data<double>().ToArray();
        return shares.Chunk(shares.Length / (int)jacobian.Shape[0]).Select(image => image.ToValueList()).ToValueList();
    }

    /// <summary>The mean squared error of each image.</summary>
    private static double[] PerImage(Tensor remaining, UpdateJacobian jacobian) =>
        remaining.view(jacobian.Shape[0], -1).mean([1]).data<double>().ToArray();

    /// <summary>
    /// The mean squared error of each image: no more than the steps leave of it or the whole batch keeps, no less than the batch keeps
    /// beyond the other images.
    /// </summary>
    private static ValueList<Interval> Within((double Least, double Most) batch, double[] left, long pixels)
    {
        double[] most = [.. left.Select(own => Math.Min(own, batch.Most / pixels))];
        return most.Select(own => new Interval(own, Math.Clamp(batch.Least / pixels - (most.Sum() - own), 0, own))).ToValueList();
    }
}
