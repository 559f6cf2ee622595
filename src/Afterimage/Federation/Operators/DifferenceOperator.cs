using System.Diagnostics.CodeAnalysis;
using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// The operator by central differences of first-order gradients, for models with an operation that has no second derivative: J'v is
/// the change of the images' gradient while the parameters move along v (Pearlmutter, 1994), Ju that of the parameters' gradient while
/// the images move along u. In double precision, whatever the model's; it serves updates that are one gradient. Where a direction moves a
/// dead unit over its kink there is no derivative to approximate; directions that gradients of images take do not.
/// </summary>
[Cites("pearlmutter1994fast")]
internal sealed class DifferenceOperator : ForwardOperator
{
    /// <summary>
    /// Steps, as shares of the weights and of images, from the best one for smooth functions (the cube root of the rounding of doubles) down:
    /// shorter ones switch fewer ReLUs on their way.
    /// </summary>
    private static readonly ValueList<double> Steps = [6e-6, 1e-7, 2e-9];

    /// <summary>A step that bends more than this, relative to its change, has met a kink.</summary>
    private const double Bend = 1e-4;

    private readonly VictimModel model;
    private readonly LocalTraining training;
    private readonly ScalarType type;
    private readonly double[] sizes;

    /// <param name="model">Copied in double precision.</param>
    /// <param name="training">One gradient: its mode and its loss.</param>
    /// <param name="batch">Images in the batches on which the error is measured.</param>
    /// <param name="because">Why finite differences are taken, the beginning of a sentence.</param>
    [SetsRequiredMembers]
    public DifferenceOperator(VictimModel model, LocalTraining training, int batch, string because)
    {
        (this.model, this.training, type) = (model.To(ScalarType.Float64, model.Device), training, model.Type);
        using var scope = Tidy.Scope();
        sizes = [.. this.model.Parameters.Select(parameter => Math.Max(0.01, parameter.detach().square().mean().sqrt().ToDouble()))];
        Reason = FormattableString.Invariant($"{because}; their relative error is {Measure(batch):G2}.");
    }

    public override string Name => "finite differences";

    public override Linearization At(Batch batch) => new DifferenceLinearization(this, batch);

    /// <summary>
    /// The relative error of the products at a random batch: how far Ju and J'v are from being adjoint, or how much each changes with
    /// the step, whichever is most.
    /// </summary>
    private double Measure(int batch)
    {
        using var scope = Tidy.Scope();
        using var generator = new RandomSource(1).Derive("differences").Generator(CPU);
        Tensor Draw(params long[] shape) => randn(shape, ScalarType.Float64, CPU, generator: generator).to(model.Device);
        var (input, classes) = (model.Input, model.Classes);
        var images = (Draw(batch, input.Channels, input.Height, input.Width) * 0.2 + 0.5).clamp(0, 1);
        var point = new DifferenceLinearization(this, new(images, nn.functional.softmax(Draw(batch, classes) * 3, 1)));
        var u = Draw(images.shape);
        var (push, longPush) = (point.Change(u, 1), point.Change(u, 2));
        var v = new GradientSet(model.Layout, push);
        var (pull, longPull) = (point.InputChange(v, 1).Inputs, point.InputChange(v, 2).Inputs);
        var square = push.square().sum().ToDouble();
        if (square == 0)
            return 0;
        // The error of a central difference grows with the square of its step: a third of what doubling adds.
        return Math.Max(Math.Abs(square - (pull * u).sum().ToDouble()) / square,
            Math.Max(Apart(push, longPush), Apart(pull, longPull)) / 3);
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
        private readonly Batch batch;
        private readonly Tensor gradient;
        private readonly IReadOnlyList<Tensor> parameters;

        public DifferenceLinearization(DifferenceOperator owner, Batch batch)
        {
            this.owner = owner;
            this.batch = batch.Each(tensor => tensor.detach().to(ScalarType.Float64));
            parameters = owner.model.Parameters;
            gradient = Gradient(this.batch.Inputs);
            Value = new(owner.model.Layout, gradient.to(owner.type));
        }

        public override GradientSet Value { get; }

        public override Batch Pullback(GradientSet v)
        {
            using var scope = Tidy.Scope();
            return InputChange(v.To(ScalarType.Float64, owner.model.Device), 1).Each(part => part.to(owner.type).MoveToOuterDisposeScope());
        }

        public override GradientSet Pushforward(Tensor u) =>
            new(Value.Layout, Tidy.Keep(() => Change(u.to(ScalarType.Float64), 1).to(owner.type)));

        /// <summary>Ju with some multiple of the usual steps.</summary>
        public Tensor Change(Tensor u, double multiple)
        {
            // Between the mean and the largest size, for u may be one pixel or all of them.
            var size = Math.Sqrt(u.abs().max().ToDouble() * u.square().mean().sqrt().ToDouble());
            return size == 0 ? zeros_like(gradient) : Difference(by => Gradient(batch.Inputs + u * by), () => gradient, multiple / size);
        }

        /// <summary>J'v with some multiple of the usual steps.</summary>
        public Batch InputChange(GradientSet v, double multiple)
        {
            var parts = v.Split();
            var size = parts.Select((part, i) => part.square().mean().sqrt().ToDouble() / owner.sizes[i]).Max();
            if (size == 0)
                return batch.Each(tensor => zeros_like(tensor));
            var change = Difference(by => InputGradients([.. parameters.Zip(parts, (parameter, part) => parameter.detach() + part * by)]),
                () => InputGradients(parameters), multiple / size);
            var (inputs, targets) = batch;
            return new(change.narrow(0, 0, inputs.numel()).view(inputs.shape),
                change.narrow(0, inputs.numel(), targets.numel()).view(targets.shape));
        }

        /// <summary>A central difference, with the longest step on which nothing bends.</summary>
        private static Tensor Difference(Func<double, Tensor> function, Func<Tensor> middle, double unit)
        {
            var here = middle();
            foreach (var share in Steps)
            {
                var (ahead, behind) = (function(share * unit), function(-share * unit));
                var change = ahead - behind;
                if (share == Steps[^1] || (ahead + behind - here * 2).norm().ToDouble() <= Bend * change.norm().ToDouble())
                    return change / (2 * share * unit);
            }
            return here;
        }

        private Tensor Gradient(Tensor at) => Tidy.Keep(() => GradientSet.Gather(owner.model.Layout,
            Differentiate.Gradients(owner.training.LossOf(owner.model, batch with { Inputs = at }), parameters)).Flat);

        /// <summary>Of inputs, then targets, flat.</summary>
        private Tensor InputGradients(IReadOnlyList<Tensor> at) => Tidy.Keep(() =>
        {
            var leaves = batch.Leaves();
            var loss = owner.training.LossOf(owner.model, leaves, at);
            return cat([.. Differentiate.Gradients(loss, [leaves.Inputs, leaves.Targets]).Select(part => part.reshape(-1))]);
        });
    }
}
