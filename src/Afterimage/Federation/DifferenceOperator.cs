using System.Diagnostics.CodeAnalysis;
using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// The operator by central differences of first-order gradients, for models with an operation that has no second derivative: J'v is
/// the change of the images' gradient while the parameters move along v (Pearlmutter, 1994), Ju that of the parameters' gradient while
/// the images move along u. In double precision, whatever the model's; it serves updates that are one gradient.
/// </summary>
[Cites("pearlmutter1994fast")]
internal sealed class DifferenceOperator : ForwardOperator
{
    /// <summary>
    /// Steps to choose from, as shares of the weights and of images. The cube root of the rounding of doubles is best where everything
    /// is smooth; shorter ones switch fewer ReLUs on their way.
    /// </summary>
    private static readonly Seq<double> Steps = [6e-6, 1e-7, 2e-9];

    private readonly VictimModel model;
    private readonly ModelMode mode;
    private readonly ScalarType type;
    private readonly double[] sizes;
    private readonly double step;

    /// <param name="model">Copied in double precision.</param>
    /// <param name="mode">Whose statistics BatchNorm uses.</param>
    /// <param name="batch">Images in the batches on which the error is measured.</param>
    /// <param name="because">Why finite differences are taken, the beginning of a sentence.</param>
    [SetsRequiredMembers]
    public DifferenceOperator(VictimModel model, ModelMode mode, int batch, string because)
    {
        (this.model, this.mode, type) = (model.To(ScalarType.Float64, model.Device), mode, model.Type);
        using var scope = Tidy.Scope();
        sizes = [.. this.model.Parameters.Select(parameter => Math.Max(0.01, parameter.detach().square().mean().sqrt().ToDouble()))];
        (step, var error) = Steps.Select(candidate => (candidate, Measure(batch, candidate))).MinBy(pair => pair.Item2);
        Reason = FormattableString.Invariant($"{because}; their relative error is {error:G2}.");
    }

    public override string Name => "finite differences";

    public override Linearization At(Tensor images, Tensor targets) => new DifferenceLinearization(this, images, targets);

    /// <summary>
    /// The relative error of the products at a random batch: how far Ju and J'v are from being adjoint, or how much each changes with
    /// the step, whichever is most.
    /// </summary>
    private double Measure(int batch, double share)
    {
        using var scope = Tidy.Scope();
        using var generator = new RandomSource(1).Derive("differences").Generator(CPU);
        Tensor Draw(params long[] shape) => randn(shape, ScalarType.Float64, CPU, generator: generator).to(model.Device);
        var (input, classes) = (model.Input, model.Classes);
        var images = (Draw(batch, input.Channels, input.Height, input.Width) * 0.2 + 0.5).clamp(0, 1);
        var point = new DifferenceLinearization(this, images, nn.functional.softmax(Draw(batch, classes) * 3, 1));
        var u = Draw(images.shape);
        var (push, longPush) = (point.Change(u, share), point.Change(u, 2 * share));
        var v = new GradientSet(model.Layout, push);
        var (pull, longPull) = (point.InputChange(v, share).Images, point.InputChange(v, 2 * share).Images);
        var square = push.square().sum().ToDouble();
        if (square == 0)
            return 0;
        // The error of a central difference grows with the square of its step: a third of what doubling adds.
        var error = Math.Max(Math.Abs(square - (pull * u).sum().ToDouble()) / square,
            Math.Max(Apart(push, longPush), Apart(pull, longPull)) / 3);
        return double.IsFinite(error) ? error : double.PositiveInfinity;
    }

    private static double Apart(Tensor near, Tensor far) => (near - far).norm().ToDouble() / near.norm().ToDouble();

    protected override void Dispose(bool disposing)
    {
        model.Dispose();
        base.Dispose(disposing);
    }

    /// <summary>One batch.</summary>
    private sealed class DifferenceLinearization : Linearization
    {
        private readonly DifferenceOperator owner;
        private readonly Tensor images;
        private readonly Tensor targets;
        private readonly IReadOnlyList<Tensor> parameters;

        public DifferenceLinearization(DifferenceOperator owner, Tensor images, Tensor targets)
        {
            this.owner = owner;
            this.images = images.detach().to(ScalarType.Float64);
            this.targets = targets.detach().to(ScalarType.Float64);
            parameters = owner.model.Parameters;
            Value = new(owner.model.Layout, Tidy.Keep(() => Gradient(this.images).to(owner.type)));
        }

        public override GradientSet Value { get; }

        public override (Tensor Images, Tensor Targets) Pullback(GradientSet v)
        {
            using var scope = Tidy.Scope();
            var (forImages, forTargets) = InputChange(v.To(ScalarType.Float64, images.device), owner.step);
            return (forImages.to(owner.type).MoveToOuterDisposeScope(), forTargets.to(owner.type).MoveToOuterDisposeScope());
        }

        public override GradientSet Pushforward(Tensor u) =>
            new(Value.Layout, Tidy.Keep(() => Change(u.to(ScalarType.Float64), owner.step).to(owner.type)));

        /// <summary>Ju with a step of this share of the images.</summary>
        public Tensor Change(Tensor u, double share)
        {
            // Between the mean and the largest size, for u may be one pixel or all of them.
            var size = Math.Sqrt(u.abs().max().ToDouble() * u.square().mean().sqrt().ToDouble());
            if (size == 0)
                return zeros_like(Value.Flat).to(ScalarType.Float64);
            var step = share / size;
            return (Gradient(images + u * step) - Gradient(images - u * step)) / (2 * step);
        }

        /// <summary>J'v with a step of this share of the weights.</summary>
        public (Tensor Images, Tensor Targets) InputChange(GradientSet v, double share)
        {
            var parts = v.Split();
            var largest = parts.Select((part, i) => part.square().mean().sqrt().ToDouble() / owner.sizes[i]).Max();
            if (largest == 0)
                return (zeros_like(images), zeros_like(targets));
            var step = share / largest;
            Tensor[] Moved(double by) => [.. parameters.Zip(parts, (parameter, part) => parameter.detach() + part * by)];
            var (ahead, behind) = (InputGradients(Moved(step)), InputGradients(Moved(-step)));
            return ((ahead[0] - behind[0]) / (2 * step), (ahead[1] - behind[1]) / (2 * step));
        }

        private Tensor Gradient(Tensor at) => Tidy.Keep(() => GradientSet.Gather(owner.model.Layout,
            Differentiate.Gradients(LocalTraining.Loss(owner.model, at, targets, owner.mode), parameters)).Flat);

        private Tensor[] InputGradients(Tensor[] at)
        {
            var (x, t) = (images.detach().requires_grad_(), targets.detach().requires_grad_());
            return Differentiate.Gradients(LocalTraining.Loss(owner.model, x, t, owner.mode, at), [x, t]);
        }
    }
}
