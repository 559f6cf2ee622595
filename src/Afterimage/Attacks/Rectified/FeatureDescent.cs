namespace Afterimage.Attacks.Rectified;

/// <summary>
/// The most probable image with given features: Gauss-Newton on |features(x) - known|^2 / error^2 + |z|^2, x = m + T z a photograph as
/// such. The error follows what is left unexplained, so that far from the image no step trusts the linearization too much.
/// </summary>
/// <param name="map">Of the features.</param>
/// <param name="photographs">m and T.</param>
/// <param name="known">[1,C,h,w], behind the ReLU.</param>
internal sealed class FeatureDescent(FeatureMap map, ImageStatistics photographs, Tensor known)
{
    /// <summary>The error is this times the relative residual, within bounds, times the residual.</summary>
    private const double Caution = 6;
    private const double LeastCaution = 0.05, MostCaution = 3;
    private const double ShortestStep = 0.02;

    private readonly Tensor alive = known > 1e-7 * known.max();
    private readonly double level = (known - known.mean([0, 2, 3], keepdim: true)).square().mean().sqrt().ToDouble();

    public int Evaluations { get; private set; }

    /// <summary>What the last image evaluated leaves, relative to how much the features vary over their places.</summary>
    public double Residual { get; private set; }

    /// <param name="start">[1,C,H,W] in [0,1].</param>
    /// <param name="steps">At most.</param>
    /// <param name="products">Conjugate gradients of one step at most.</param>
    /// <param name="see">Takes the number of the step, the residual, and the image where it is asked for.</param>
    /// <param name="cancellation">Stops after the current step.</param>
    /// <returns>In double precision, not cut off.</returns>
    public Tensor Run(Tensor start, int steps, int products, Action<int, double, Func<Tensor>> see, CancellationToken cancellation)
    {
        var z = photographs.Explain(start.to(ScalarType.Float64));
        for (var step = 0; step < steps && !cancellation.IsCancellationRequested; step++)
        {
            using var scope = Tidy.Scope();
            var left = Left(z);
            see(step, Residual, () => Image(z).clamp(0, 1));
            if (!(Residual > 1e-6) || !Step(z, left, products))
                break;
        }
        Tidy.Keep(() => Left(z)).Dispose();
        return Image(z);
    }

    private bool Step(Tensor z, Tensor left, int products)
    {
        var error = Residual * level * Math.Clamp(Caution * Residual, LeastCaution, MostCaution);
        double Value(Tensor at) => known.numel() * Math.Pow(Residual * level / error, 2) + at.square().sum().ToDouble();
        var before = Value(z);
        var direction = Direction(z, left, error, products);
        for (var length = 1.0; length > ShortestStep; length /= 2)
        {
            var next = z + direction * length;
            Left(next);
            if (!(Value(next) < before))
                continue;
            z.copy_(next);
            return true;
        }
        return false;
    }

    /// <summary>Conjugate gradients on the linearized problem.</summary>
    private Tensor Direction(Tensor z, Tensor left, double error, int products)
    {
        // Where a feature is zero and is seen as zero, nothing pulls.
        var pulls = (alive | (left != 0)).to(left.dtype) / (error * error);
        Tensor Back(Tensor features) => photographs.Analyze(map.Pull(features * pulls).to(ScalarType.Float64));
        var open = Back(left) - z;
        var (direction, search) = (zeros_like(z), open.clone());
        var square = open.square().sum().ToDouble();
        var enough = 1e-6 * square;
        for (var i = 0; i < products && square > enough; i++)
        {
            using var scope = Tidy.Scope();
            var product = Back(map.Push(photographs.Synthesize(search).to(left.dtype))) + search;
            var length = square / (search * product).sum().ToDouble();
            direction.add_(search, alpha: length);
            open.add_(product, alpha: -length);
            var next = open.square().sum().ToDouble();
            search.mul_(next / square).add_(open);
            square = next;
        }
        return direction;
    }

    private Tensor Image(Tensor z) => photographs.Synthesize(z) + photographs.Mean;

    /// <summary>What is left of the features; where nothing is seen of a zero feature, nothing.</summary>
    private Tensor Left(Tensor z)
    {
        Evaluations++;
        var seen = map.At(Image(z).to(known.dtype));
        var left = where(alive, known - seen, -seen.relu());
        Residual = left.square().mean().sqrt().ToDouble() / level;
        return left;
    }
}
