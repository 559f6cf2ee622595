using Afterimage.Images;

namespace Afterimage.Attacks;

/// <summary>
/// The image behind a max pooling whose outputs are known, where those are not much more than its pixels. Which place of a window is the
/// largest is a hidden choice: each place is believed by how likely it is that it has the known value and all others less, under an error
/// that falls slowly (expectation maximization, Dempster et al., 1977, annealed as by Ueda and Nakano, 1998). A descent that takes the
/// largest place of a wrong image for the right one ends early in a wrong choice.
/// </summary>
internal sealed class PoolingDescent : IDisposable
{
    /// <summary>The first error, as a multiple of what the start leaves, and the last, relative to how much features vary.</summary>
    private const double First = 1.5, Last = 0.003;

    /// <summary>Products of the last step, as a multiple of those of the first.</summary>
    private const int Thorough = 4;

    /// <summary>Behind the schedule a step must leave less than this share of what the one before left.</summary>
    private const double Progress = 0.97;
    private const double Exact = 1e-6;

    private const double Enough = 1e-5;

    /// <summary>A step that leaves more than this times what the one before left is halved, down to this length.</summary>
    private const double MostRise = 2, ShortestStep = 0.02;

    /// <summary>Below this error, relative to how much features vary, the weight gradient has a say in the places of the maxima.</summary>
    private const double Telling = 0.06;

    /// <summary>Error of the weight gradient that doubt does not explain, relative.</summary>
    private const double LeastOpen = 1e-5;

    /// <summary>Error of a pixel as a share of what the error of a feature would make of it.</summary>
    private const double PixelShare = 0.3;

    private readonly FeatureMap trunk;
    private readonly RectifiedBlock block;
    private readonly GaussianImages photographs;
    private readonly PoolingWindows windows;
    private readonly Tensor known;
    private readonly Tensor alive;
    private readonly Tensor strengths;
    private readonly Tensor target;
    private readonly double level;
    private readonly MaximaDoubt? doubt;
    private readonly double gain;
    private readonly Tensor votes;

    /// <param name="trunk">From images to the input of the block.</param>
    /// <param name="block">With pooling, in the precision of the search.</param>
    /// <param name="known">What leaves it for every image, [B,*Leaving]; the weight gradient is the sum over all images.</param>
    /// <param name="featureGradient">dL/d of that, in double precision.</param>
    /// <param name="photographs">What is believed of images.</param>
    /// <param name="weighsDoubt">Whether dL/dW counts by the doubt about places; only where <see cref="WeighsDoubt"/>.</param>
    public PoolingDescent(FeatureMap trunk, RectifiedBlock block, Tensor known, Tensor featureGradient, GaussianImages photographs,
        bool weighsDoubt = false)
    {
        (this.trunk, this.block, this.photographs, windows) = (trunk, block, photographs, new(block));
        this.known = known.reshape(known.shape[0] * known.shape[1], -1, 1).to(block.Weight.dtype);
        alive = this.known > 1e-7 * known.max();
        // Gradients of certain networks are too small for single precision to square.
        var scale = 1 / (block.WeightGradient.square().mean().sqrt().ToDouble() + 1e-300);
        strengths = (featureGradient * scale).reshape(this.known.shape).to(block.Weight.dtype) * alive;
        target = (block.WeightGradient * scale).to(block.Weight.dtype);
        level = (known - known.mean([0, 2, 3], keepdim: true)).square().mean().sqrt().ToDouble();
        var scales = block.Scale.expand(1, block.Conv.Output, 1, 1).reshape(1, -1, 1, 1);
        gain = (block.Weight * scales.reshape(-1, 1, 1, 1)).square().sum([1, 2, 3]).sqrt().mean().ToDouble();
        votes = zeros([this.known.shape[0], this.known.shape[1], windows.Inside.shape[2]], block.Weight.dtype);
        if (weighsDoubt)
            doubt = new(block, windows, (strengths.reshape(known.shape) * scales).reshape(strengths.shape),
                Math.Max(LeastOpen, block.Noise));
    }

    /// <summary>Whether the doubt about places of maxima can be weighed: the block's patches are small, and it has no GroupNorm.</summary>
    public static bool WeighsDoubt(RectifiedBlock block) => MaximaDoubt.Fits(block);

    /// <summary>What the last image leaves of the features, relative to how much they vary over their places.</summary>
    public double Residual { get; private set; } = 1;

    public int Evaluations { get; private set; }

    /// <param name="start">[B,C,H,W] in [0,1].</param>
    /// <param name="steps">Over which the error falls.</param>
    /// <param name="products">Conjugate gradients of one step at most.</param>
    /// <param name="see">Takes the number of the step, the residual, and the image where it is asked for.</param>
    /// <param name="stop">Stops after the current step.</param>
    /// <returns>[B,C,H,W], not cut off.</returns>
    public Tensor Run(Tensor start, int steps, int products, Action<int, double, Func<Tensor>> see, CancellationToken stop)
    {
        var z = photographs.Explain(start.to(ScalarType.Float64));
        votes.zero_();
        var error = double.NaN;
        var fall = 1.0;
        for (var (step, before) = (0, double.PositiveInfinity); !stop.IsCancellationRequested; step++)
        {
            using var scope = Tidy.Scope();
            var (x, seen) = Evaluate(z);
            if (step == 0)
            {
                error = Math.Min(First * Residual, 1) * level;
                fall = Math.Pow(Math.Min(1, Last * level / error), 1.0 / Math.Max(1, steps - 1));
            }
            see(step, Residual, () => Image(z).clamp(0, 1));
            if (step >= steps && !(Residual < Progress * before && Residual > Exact))
                break;
            before = Residual;
            var share = Math.Min(1, (double)step / steps);
            var direction = Direction(z, x, seen, error, (int)(products * Math.Pow(Thorough, share)), stop);
            if (direction is null || !direction.isfinite().all().ToBoolean())
                break;
            if (!Step(z, direction))
                break;
            error = step < steps ? error * fall : Math.Min(error, Residual * level);
        }
        return Image(z);
    }

    /// <summary>
    /// Steps along a direction, less far where rounding has spoiled it: in single precision conjugate gradients may blow up where few
    /// features and many weights ask for it. False, and no step, where no length will do.
    /// </summary>
    private bool Step(Tensor z, Tensor direction)
    {
        using var scope = Tidy.Scope();
        var from = Residual;
        for (var length = 1.0; length > ShortestStep; length /= 2)
        {
            var next = z + direction * length;
            Evaluate(next);
            if (!(Residual < MostRise * from))
                continue;
            z.copy_(next);
            return true;
        }
        Evaluate(z);
        return false;
    }

    /// <summary>What enters the block, and every window behind its convolution.</summary>
    private (Tensor Input, Tensor Seen) Evaluate(Tensor z)
    {
        var x = trunk.At(Image(z).to(known.dtype), 0);
        var seen = where(windows.Inside, windows.Gather(block.Before(x)), double.NegativeInfinity);
        Residual = ((seen.amax([2], keepdim: true).relu() - known).square().mean().sqrt() / level).ToDouble();
        Evaluations++;
        return (x, seen);
    }

    /// <summary>The step of maximization; null where it was stopped.</summary>
    private Tensor? Direction(Tensor z, Tensor x, Tensor seen, double error, int products, CancellationToken stop)
    {
        var left = where(windows.Inside, known - seen, 0);
        var deviations = left / error;
        var below = (special.erfc(deviations * -Math.Sqrt(0.5)) / 2).clamp_min(1e-20);
        var likely = deviations.square() * -0.5 - below.log() + votes;
        var beliefs = where(windows.Inside, likely, double.NegativeInfinity).softmax(2) * alive;
        // All others lie below the known maximum: a Newton step for the logarithm of that probability.
        var push = (deviations.square() * -0.5).exp() / Math.Sqrt(2 * Math.PI) / below;
        push = where(deviations < -5, -deviations, push);
        var others = (1 - beliefs) * windows.Inside;
        var weights = windows.Scatter((beliefs + others * (push * (push + deviations)).clamp(0, 1)) / (error * error));
        var pulled = windows.Scatter((beliefs * deviations - others * push) / error);
        var near = block.Near(x);
        var arriving = near.Arriving(windows.Scatter(beliefs * strengths));
        var open = target - block.Map.WeightGradient(x, arriving);
        var weigh = Weighing(x, beliefs, open, error);
        Tensor Back(Tensor features, Tensor gradient) => photographs.Analyze(trunk.Pull(
            near.Transpose(features) + block.Map.Transpose(weigh(gradient), arriving), []).to(ScalarType.Float64));
        (Tensor Features, Tensor Gradient) Push(Tensor image)
        {
            var (change, _) = trunk.Push(image.to(x.dtype));
            return (near.Multiply(change), block.Map.WeightGradient(change, arriving));
        }
        Func<Tensor, Tensor>? condition = null;
        if (doubt is not null)
        {
            using var generator = new RandomSource(0).Derive("curvature").Generator(CPU);
            long[] shape = [z.shape[0], .. photographs.Mean.shape[1..]];
            var (features, gradient) = Push(randn(shape, ScalarType.Float64, generator: generator));
            var curvature = ((features.square() * weights).sum() + (gradient * weigh(gradient)).sum()).ToDouble() / z.numel();
            var inverse = 1 / (1 + curvature * photographs.Deviations.square());
            condition = rest => rest * inverse;
        }
        try
        {
            return ConjugateGradients.Solve(Back(pulled, open) - z, search =>
            {
                var (features, gradient) = Push(photographs.Synthesize(search));
                return Back(features * weights, gradient) + search;
            }, condition, products, Enough, stop: stop).Solution;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return null;
        }
    }

    /// <summary>How much every equation of the weight gradient counts; where doubt is weighed, the places get their votes.</summary>
    private Func<Tensor, Tensor> Weighing(Tensor x, Tensor beliefs, Tensor open, double error)
    {
        if (doubt is null)
        {
            var errors = open.square().mean([1, 2, 3], keepdim: true);
            var trust = 1 / (errors + 0.1 * errors.median() + 1e-12);
            return gradient => gradient * trust;
        }
        var pixel = PixelShare * error / gain;
        var found = doubt.See(x, beliefs, open, pixel * pixel);
        // Windows vote at once, so that half of the last votes stays.
        if (error < Telling * level)
            votes.copy_((votes + found) / 2);
        return doubt.Weigh;
    }

    public void Dispose() => doubt?.Dispose();

    private Tensor Image(Tensor z) => photographs.Synthesize(z) + photographs.Mean;
}
