using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// The masks that dropout drew on the client, as continuous unknowns in [0,1] beside the images (Scheliga, Maeder and Seeland, 2023).
/// Each layer's mean is held at its keep rate.
/// </summary>
[Cites("scheliga2023dropout")]
public sealed record DropoutMasks : Nuisance
{
    /// <summary>Weight of the distance of each layer's mean mask from its keep rate.</summary>
    [Range(0, 1e30)]
    public double Weight { get; init; } = 1e-4;

    /// <summary>
    /// Whether masks in front of a linear layer are read from its gradient and held: a unit whose column of weights did not move was
    /// dropped every time, and where only one image enters one step, every other unit was kept. The published attack reads none.
    /// </summary>
    public bool Read { get; init; } = true;

    /// <summary>The learning rate of the masks as a multiple of that of the images.</summary>
    [Range(0, 1e6, MinimumIsExclusive = true)]
    public double Rate { get; init; } = 1;

    /// <inheritdoc/>
    public override NuisanceSearch Open(AttackContext context, RandomSource random) => new Search(context, random, this);

    private sealed class Search : NuisanceSearch
    {
        private readonly AttackContext context;
        private readonly DropoutMasks options;
        private readonly long[] shape;
        private readonly Tensor free;
        private readonly Tensor held;

        public Search(AttackContext context, RandomSource random, DropoutMasks options)
        {
            (this.context, this.options) = (context, options);
            var training = context.Observation.Training;
            var units = training.Mode == ModelMode.Train ? context.Model.Network?.MaskCount ?? 0 : 0;
            shape = [training.MaskRows(context.Observation.BatchSize), units];
            using var generator = random.Derive("masks").Generator(context.Model.Device);
            var uniform = rand(shape, ScalarType.Float32, context.Model.Device, generator: generator);
            if (units == 0)
            {
                Start = free = held = empty([0], context.Model.Type, context.Model.Device);
                return;
            }
            var masks = (uniform < context.Model.Network!.KeepRates().to(context.Model.Device)).to(context.Model.Type);
            var (seen, values) = options.Read ? Columns(masks) : (zeros_like(masks), masks);
            (Start, free, held) = (values.reshape(-1), (1 - seen).reshape(-1), (values * seen).reshape(-1));
        }

        public override Tensor Start { get; }

        public override double Rate => options.Rate;

        public override JointLinearization At(Batch batch, Tensor values)
        {
            var training = context.Observation.Training;
            return training is FedAvg average && average.Epochs * average.StepsOf(context.Observation.BatchSize) > LocalRun.PlainSteps
                ? new Stepwise(average, context.Model, batch, Masks(values), free)
                : new GraphJointLinearization(context.Model.Layout, batch, values,
                    (leaves, z) => training.Update(context.Model, leaves, new(null, Masks(z))));
        }

        /// <summary>Which masks the update shows, and masks with these put in.</summary>
        private (Tensor Seen, Tensor Masks) Columns(Tensor masks)
        {
            var network = context.Model.Network!;
            var (seen, put) = (zeros_like(masks), masks.clone());
            var from = 0L;
            foreach (var (dropout, units) in network.Dropouts)
            {
                var count = units.Aggregate(1L, (product, size) => product * size);
                // Flattening in between changes nothing, for masks lie in the same order.
                var next = network.Layers.SkipWhile(layer => layer != dropout).Skip(1).FirstOrDefault(layer => layer is not Flatten)
                    as Linear;
                if (next?.Input == count && context.Model.Layout.IndexOf($"{next.Name}.weight") is >= 0 and var place)
                {
                    var moved = context.Observation.Update[place].abs().amax([0]).gt(0).to(masks.dtype);
                    seen.narrow(1, from, count).copy_(shape[0] == 1 ? ones_like(moved) : 1 - moved);
                    put.narrow(1, from, count).copy_(shape[0] == 1 ? moved : masks.narrow(1, from, count) * moved);
                }
                from += count;
            }
            return (seen, put);
        }

        private Tensor Masks(Tensor values) => (values * free + held).view(shape);

        public override bool Project(Tensor values) => Clamp(values);

        public override Tensor Penalty(Tensor values)
        {
            var masks = Masks(values);
            var sum = zeros([], values.dtype, values.device);
            var from = 0L;
            foreach (var (dropout, units) in context.Model.Network!.Dropouts)
            {
                var count = units.Aggregate(1L, (product, size) => product * size);
                sum = sum + (masks.narrow(1, from, count).mean() - (1 - dropout.Rate)).abs();
                from += count;
            }
            return sum * options.Weight;
        }

        public override string Describe(Tensor values)
        {
            var (kept, read) = (Masks(values).mean().ToDouble(), (1 - free).sum().ToDouble());
            return FormattableString.Invariant(
                $"Of {values.shape[0]:N0} entries of dropout masks the update shows {read:N0}; the others were looked for beside the ") +
                FormattableString.Invariant($"images; {kept:P0} are kept.");
        }
    }

    private sealed class Stepwise(FedAvg training, VictimModel model, Batch batch, Tensor masks, Tensor free)
        : JointLinearization
    {
        private readonly StepwiseLinearization point =
            new(training.Run(model, batch.Count, new(null, masks.detach())), batch);

        public override GradientSet Value => point.Value;

        public override (Batch Batch, Tensor Values) Pullback(GradientSet v)
        {
            var (forBatch, forMasks) = point.PullbackAll(v);
            return (forBatch, forMasks!.reshape(-1) * free);
        }
    }
}
