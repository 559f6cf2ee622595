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
    public double Weight { get; init; } = 1e-4;

    /// <summary>
    /// Whether masks in front of a linear layer begin where its gradient shows them: a unit whose column of weights did not move was
    /// dropped every time, and where only one image enters one step, every other unit was kept. The published attack begins at random.
    /// </summary>
    public bool Read { get; init; } = true;

    public override NuisanceSearch Open(AttackContext context, RandomSource random) => new Search(context, random, Weight, Read);

    private sealed class Search : NuisanceSearch
    {
        private readonly AttackContext context;
        private readonly double weight;
        private readonly long[] shape;

        public Search(AttackContext context, RandomSource random, double weight, bool read)
        {
            (this.context, this.weight) = (context, weight);
            var training = context.Observation.Training;
            var units = training.Mode == ModelMode.Train ? context.Model.Network?.MaskCount ?? 0 : 0;
            shape = [training.MaskRows(context.Observation.BatchSize), units];
            using var generator = random.Derive("masks").Generator(context.Model.Device);
            var uniform = rand(shape, ScalarType.Float32, context.Model.Device, generator: generator);
            if (units == 0)
            {
                Start = empty([0], context.Model.Type, context.Model.Device);
                return;
            }
            var masks = (uniform < context.Model.Network!.KeepRates().to(context.Model.Device)).to(context.Model.Type);
            Start = (read ? WithColumns(masks) : masks).reshape(-1);
        }

        public override Tensor Start { get; }

        public override JointLinearization At(Tensor images, Tensor targets, Tensor values)
        {
            var training = context.Observation.Training;
            return training is FedAvg average && average.Epochs * average.StepsOf(context.Observation.BatchSize) > LocalRun.PlainSteps
                ? new Stepwise(average, context.Model, images, targets, values.view(shape))
                : new GraphJointLinearization(context.Model.Layout, images, targets, values,
                    (x, t, masks) => training.Update(context.Model, x, t, new(null, masks.view(shape))));
        }

        private Tensor WithColumns(Tensor masks)
        {
            var network = context.Model.Network!;
            var columns = new List<Tensor>();
            foreach (var (dropout, units) in network.Dropouts)
            {
                var from = columns.Sum(part => part.shape[1]);
                var count = units.Aggregate(1L, (product, size) => product * size);
                var mine = masks.narrow(1, from, count);
                // Flattening in between changes nothing, for masks lie in the same order.
                var next = network.Layers.SkipWhile(layer => layer != dropout).Skip(1).FirstOrDefault(layer => layer is not Flatten) as Linear;
                if (next?.Input == count && context.Model.Layout.IndexOf($"{next.Name}.weight") is >= 0 and var place)
                {
                    var moved = context.Observation.Update[place].abs().amax([0]).gt(0).to(masks.dtype);
                    mine = shape[0] == 1 ? moved.unsqueeze(0) : mine * moved;
                }
                columns.Add(mine);
            }
            return cat([.. columns], 1);
        }

        public override bool Project(Tensor values) => Clamp(values);

        public override Tensor Penalty(Tensor values)
        {
            var masks = values.view(shape);
            var sum = zeros([], values.dtype, values.device);
            var from = 0L;
            foreach (var (dropout, units) in context.Model.Network!.Dropouts)
            {
                var count = units.Aggregate(1L, (product, size) => product * size);
                sum = sum + (masks.narrow(1, from, count).mean() - (1 - dropout.Rate)).abs();
                from += count;
            }
            return sum * weight;
        }

        public override string Describe(Tensor values)
        {
            var kept = values.mean().ToDouble();
            return FormattableString.Invariant($"{values.shape[0]} entries of dropout masks were looked for beside the images; {kept:P0} of them are kept.");
        }
    }

    private sealed class Stepwise(FedAvg training, VictimModel model, Tensor images, Tensor targets, Tensor masks) : JointLinearization
    {
        private readonly StepwiseLinearization point =
            new(training.Run(model, images.shape[0], new(null, masks.detach())), images, targets);

        public override GradientSet Value => point.Value;

        public override (Tensor Images, Tensor Targets, Tensor Values) Pullback(GradientSet v)
        {
            var (forImages, forTargets, forMasks) = point.PullbackAll(v);
            return (forImages, forTargets, forMasks!.reshape(-1));
        }
    }
}
