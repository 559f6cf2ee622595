using Afterimage.Images;

namespace Afterimage.Attacks;

/// <summary>
/// The most probable image with the known features and weight gradient of one layer: Gauss-Newton on |features left|^2 / e^2 +
/// |gradient left|^2 / f^2 + |z|^2, where x = m + T z follows the image prior. Both errors e and f are set from the residuals, f in each
/// channel, so that far from the solution no step trusts the linearization too much, and channels with maxima at wrong places count
/// little. ReLUs near their kink are smoothed, more widely while residuals are large, so that steps can cross kinks.
/// </summary>
/// <param name="trunk">From images to the input of the last piece.</param>
/// <param name="last">The piece whose output is known.</param>
/// <param name="photographs">m and T.</param>
internal sealed class FeatureDescent(FeatureMap trunk, LastPiece last, GaussianImages photographs)
{
    /// <summary>e is this times the relative residual, within bounds, times the residual.</summary>
    private const double Caution = 6;
    private const double LeastCaution = 1, MostCaution = 3;
    private const double ShortestStep = 0.02;
    private const double Enough = 1e-6;

    /// <summary>Steps that must lower the residual by a factor, or they are the last.</summary>
    private const int Patience = 20;

    /// <summary>Error of a number that must not be negative, relative to that of features.</summary>
    private const double Negative = 0.3;
    private const double Progress = 0.99;

    /// <summary>
    /// A step that leaves more than this share of the residual is followed by one with twice the products, up to a factor.
    /// </summary>
    private const double Slow = 0.7;
    private const int Thorough = 16;

    /// <summary>Below this residual steps no longer help in single and in double precision.</summary>
    private const double Rounding = 2.5e-6, FineRounding = 1e-10;

    /// <summary>Of conjugate gradients in double precision.</summary>
    private const double FinelyEnough = 1e-12;

    // The share of the mean error that no channel's falls below.
    private const double LeastError = 0.01;

    private readonly bool fine = last.Known.dtype == ScalarType.Float64;

    private readonly double level = (last.Known - last.Known.mean([0, 2, 3], keepdim: true)).square().mean().sqrt().ToDouble();

    /// <summary>Shares of the features in the residual: those that are in doubt count little.</summary>
    private readonly Tensor clear = Clear(last);

    /// <summary>A residual that ends the search.</summary>
    public double Sufficient { get; init; }

    /// <summary>
    /// The image that the network takes for zero, [1,C,H,W], where it does not see how large images are next to it: steps leave that as it
    /// is. Null where it does.
    /// </summary>
    public Tensor? Center { get; init; }

    /// <summary>Whether what is looked for is not negative, as behind a ReLU.</summary>
    public bool IsPositive { get; init; }

    public int Evaluations { get; private set; }

    /// <summary>What the last image evaluated leaves of the features, relative to how much they vary over their places.</summary>
    public double Residual { get; private set; }

    /// <param name="start">[B,C,H,W] in [0,1]; of several images the weight gradients are sums.</param>
    /// <param name="steps">At most.</param>
    /// <param name="products">Conjugate gradients of one step at most.</param>
    /// <param name="see">Takes the number of the step, the residual, and the image where it is asked for.</param>
    /// <param name="cancellation">Stops after the current step.</param>
    /// <returns>In double precision, not cut off.</returns>
    public Tensor Run(Tensor start, int steps, int products, Action<int, double, Func<Tensor>> see, CancellationToken cancellation)
    {
        var z = photographs.Explain(start.to(ScalarType.Float64));
        var (before, previous, most) = (double.PositiveInfinity, double.PositiveInfinity, products);
        for (var step = 0; step < steps && !cancellation.IsCancellationRequested; step++)
        {
            using var scope = Tidy.Scope();
            // In double precision the start is near the solution, and its gates are right but for a few.
            var (x, left) = Evaluate(z, step == 0 && !fine ? 1 : Residual);
            see(step, Residual, () => Image(z).clamp(0, 1));
            // Near the solution the problem is linear, and better steps are worth their products.
            most = Residual > Slow * previous ? Math.Min(2 * most, Thorough * products) : most;
            // Near the rounding steps no longer help.
            if (Residual < Sufficient || (Residual < (fine ? FineRounding : Rounding) && Residual > previous / 2))
                break;
            previous = Residual;
            if (step % Patience == 0)
            {
                if (!(Residual < Progress * before))
                    break;
                before = Residual;
            }
            try
            {
                if (!(Residual > (fine ? FineRounding : 1e-6)) || !Step(z, x, left, most, cancellation))
                    break;
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                break;
            }
        }
        using (Tidy.Scope())
            Evaluate(z);
        return Image(z);
    }

    private bool Step(Tensor z, Tensor x, Tensor left, int products, CancellationToken stop)
    {
        var error = Residual * level * Math.Clamp(Caution * Residual, LeastCaution, MostCaution);
        // Where a feature is zero and is seen as zero, nothing pulls.
        var pulls = (last.Alive | (left != 0)).to(left.dtype)
            / (last.Error is { } doubt ? doubt.square() + error * error : full([], error * error, left.dtype));
        if (last.HasGradient)
        {
            last.Settle(x);
            if (last.InputGradient() is { } gradient)
                trunk.Settle(gradient, last.Scale);
        }
        var bound = IsPositive ? 1 / (Negative * Negative * error * error) : 0;
        var open = Open(x);
        var trust = open.Select(Trust).ToArray();
        double Value(Tensor at, Tensor features, Tensor[] gradients) => (features.square() * pulls).sum().ToDouble()
            + gradients.Zip(trust, (gradient, weight) => (gradient.square() * weight).sum().ToDouble()).Sum()
            + at.square().sum().ToDouble() + (bound > 0 ? bound * Image(at).clamp_max(0).square().sum().ToDouble() : 0);
        var before = Value(z, left, open);
        var direction = Direction(z, left, pulls, open, trust, bound, products, stop);
        for (var length = 1.0; length > ShortestStep; length /= 2)
        {
            var next = z + direction * length;
            var (nextInput, nextLeft) = Evaluate(next);
            if (!(Value(next, nextLeft, Open(nextInput)) < before))
                continue;
            z.copy_(next);
            return true;
        }
        return false;
    }

    /// <summary>What is left of every weight gradient at the last point, that of the last piece at the end.</summary>
    private Tensor[] Open(Tensor x) => last.HasGradient ? [.. trunk.Open(), last.Open(x)] : [];

    /// <summary>
    /// Weights of the channels of a weight gradient: those that fit far worse than others have a maximum at a wrong place.
    /// </summary>
    private static Tensor Trust(Tensor open)
    {
        var errors = open.square().mean([1, 2, 3], keepdim: true);
        var typical = errors.median() + LeastError * errors.mean() + 1e-30;
        return typical / (errors + LeastError * typical).square();
    }

    /// <summary>Conjugate gradients on the linearized problem.</summary>
    private Tensor Direction(Tensor z, Tensor left, Tensor pulls, Tensor[] open, Tensor[] trust, double bound, int products,
        CancellationToken stop)
    {
        Tensor Back(Tensor features, Tensor[] gradients)
        {
            var weighted = gradients.Zip(trust, (gradient, weight) => gradient * weight).ToArray();
            var pull = last.Pull(features * pulls);
            if (last.HasGradient)
                pull = pull + last.PullGradient(weighted[^1]);
            return photographs.Analyze(trunk.Pull(pull, last.HasGradient ? weighted[..^1] : []).to(ScalarType.Float64));
        }
        var image = Image(z);
        var below = bound * (image < 0).to(z.dtype);
        Tensor Normal(Tensor images)
        {
            var (change, gradients) = trunk.Push(images.to(left.dtype));
            var back = Back(last.Push(change), last.HasGradient ? [.. gradients, last.Gradient(change)] : []);
            return bound > 0 ? back + photographs.Analyze(images * below) : back;
        }
        var hidden = Center is null ? null : nn.functional.normalize(
            photographs.Explain(image - Center + photographs.Mean).view(1, -1)).view_as(z);
        Tensor Told(Tensor change) => hidden is null ? change : change - hidden * (change * hidden).sum();
        var right = Back(left, open) - z;
        right = bound > 0 ? right - photographs.Analyze(image * below) : right;
        return ConjugateGradients.Solve(Told(right), search => Told(Normal(photographs.Synthesize(search)) + search),
            fine || IsPositive ? Condition(Normal, z) : null, products, fine ? FinelyEnough : Enough, stop: stop).Solution;
    }

    /// <summary>
    /// Divides by what a product would give if features told every pixel alike: the model of images weighs low frequencies so much more
    /// than high ones that conjugate gradients take hundreds of products without it.
    /// </summary>
    /// <param name="normal">The normal matrix of the data times the model's root, for images.</param>
    /// <param name="z">Of the shape of the unknowns.</param>
    private Func<Tensor, Tensor> Condition(Func<Tensor, Tensor> normal, Tensor z)
    {
        using var generator = new RandomSource(0).Derive("curvature").Generator(CPU);
        var probe = photographs.Synthesize(randn(z.shape, ScalarType.Float64, generator: generator) / photographs.Deviations);
        var curvature = (photographs.Explain(probe + photographs.Mean) * normal(probe)).sum().ToDouble() / probe.square().sum().ToDouble();
        var inverse = 1 / (1 + curvature * photographs.Deviations.square());
        return rest => rest * inverse;
    }

    private static Tensor Clear(LastPiece last)
    {
        var weights = last.Error is { } doubt ? 1 / (1 + (doubt / doubt.median()).square()) : ones_like(last.Known);
        return weights / weights.sum();
    }

    private Tensor Image(Tensor z) => photographs.Synthesize(z) + photographs.Mean;

    private (Tensor Input, Tensor Left) Evaluate(Tensor z, double softness = 0)
    {
        Evaluations++;
        var x = trunk.At(Image(z).to(last.Known.dtype), softness);
        var left = last.Left(x);
        Residual = (left.square() * clear).sum().sqrt().ToDouble() / level;
        return (x, left);
    }
}
