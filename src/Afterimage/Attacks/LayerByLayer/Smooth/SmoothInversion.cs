using Afterimage.Federation;
using Afterimage.Images;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// One image through smooth convolutions: the gradient of a linear layer gives the features in front of it, and the image is the one that
/// has them and the weight gradients of the convolutions, by Gauss-Newton steps with conjugate gradients. The linear layers, which hold
/// most parameters, take no part in the products, so that a step costs a fraction of one on the whole update.
/// </summary>
internal sealed record SmoothInversion : Attack
{
    private const int Steps = 60;

    /// <summary>
    /// Conjugate gradients of a step; where they do not suffice the next step has twice as many, for a new one begins from nothing.
    /// </summary>
    private const int Products = 400, MostProducts = 1600;

    /// <summary>The smallest noise level, about that of single precision, and the residual that is nothing but rounding.</summary>
    private const double Rounding = 1e-7, Explained = 2e-7;

    /// <summary>Of conjugate gradients: squared, relative.</summary>
    private const double Enough = 1e-4;

    private const double ShortestStep = 1e-3;

    /// <summary>Steps in a row that lower nothing, which end the search.</summary>
    private const int MostIdle = 2;

    /// <summary>A step that leaves more than this share of the objective has found what its noise level tells.</summary>
    private const double Settled = 0.7;

    /// <inheritdoc/>
    public override string? Refusal(AttackContext context) => LayerChain.Obstacle(context)
        ?? (context.Observation.BatchSize != 1 ? "The features of one image are read, but the batch has several: use \"gauss-newton\"."
            : context.Observation.Training is not FedSgd ? "The closed form reads a single gradient: use gradient matching."
            : context.Observation.Channel.IsNoisy ? "Noise hides the features: use \"gauss-newton\", which weighs every number by it."
            : Unreadable(context.Model.Network!));

    /// <inheritdoc/>
    protected override bool InDouble => true;

    /// <inheritdoc/>
    protected override double ConvergedBelow => 1e-5;

    /// <inheritdoc/>
    protected override SearchResult Search(AttackRun run)
    {
        var chain = LayerChain.Of(run.Context);
        if (HeadReading.Of(chain.Head) is not [var reading, ..])
            throw new AfterimageException("The gradient of the head is zero: the client's model is certain of the image's class already.");
        var labels = new Labels([reading.Label], [1]);
        run.Know(labels);
        var trunk = chain.Stages.TakeWhile(stage => stage.Layer is not Linear).ToList();
        var first = chain.Stages[trunk.Count];
        var (bias, weights) = (first.BiasGradient!.view(1, -1), first.WeightGradient!);
        if (bias.norm().ToDouble() == 0)
            throw new AfterimageException("No gradient reaches the first linear layer, so it tells nothing: use another update.");
        using var equations = new SmoothTrunk(trunk, bias.matmul(weights) / bias.square().sum(), bias.matmul(first.Weight!));
        if (equations.Count < run.Context.Model.Input.Count)
            throw new AfterimageException($"The features and weight gradients of the convolutions are {equations.Count:N0} equations for " +
                $"{run.Context.Model.Input.Count:N0} unknowns: use \"gauss-newton\", which weighs what images are like.");
        return Descend(run, chain, equations, new Photographs(run.Context.Model.Input), labels);
    }

    private static SearchResult Descend(AttackRun run, LayerChain chain, SmoothTrunk equations, GaussianImages photographs,
        Labels labels)
    {
        var model = run.Context.Model;
        Tensor Image(Tensor at) => photographs.Synthesize(at) + photographs.Mean;
        Tensor Left(Tensor at) => equations.Residual(model.Normalize(Image(at)));
        var z = zeros([1, model.Input.Count], ScalarType.Float64);
        var (sigma, steps, evaluations, size, most, idle) = (1.0, 0, 0, 1.0, Products, 0);
        while (steps < Steps && !run.Stop.IsCancellationRequested)
        {
            using var scope = Tidy.Scope();
            var left = Left(z);
            var precision = 1 / (sigma * sigma);
            double Value(Tensor residual, Tensor at) => precision * residual.square().sum().ToDouble() + at.square().sum().ToDouble();
            Tensor Back(Tensor residual) => photographs.Analyze(model.NormalizeChange(equations.Pull(residual)));
            Tensor Normal(Tensor images) => Back(equations.Push(model.NormalizeChange(images)));
            var before = Value(left, z);
            var shape = Curvatures(photographs, Normal).mul_(precision).add_(1).reciprocal_();
            var (direction, products) = ConjugateGradients.Solve(Back(left) * -precision - z,
                along => Normal(photographs.Synthesize(along)) * precision + along, rest => rest * shape, most, Enough, stop: run.Stop);
            evaluations += 2 * products + 3;
            most = products < most ? Products : Math.Min(2 * most, MostProducts);
            var (length, after) = (1.0, double.PositiveInfinity);
            for (; length > ShortestStep; length /= 2)
            {
                using var trial = Tidy.Scope();
                evaluations++;
                var moved = z + direction * length;
                left = Left(moved);
                after = Value(left, moved);
                if (!(after < before))
                    continue;
                z.copy_(moved);
                size = left.square().mean().sqrt().ToDouble();
                break;
            }
            var (now, reached) = (steps, size);
            run.See(new(0, now, reached, evaluations, () => Image(z).clamp(0, 1)));
            steps++;
            idle = after < before ? 0 : idle + 1;
            if (idle == MostIdle || size < Explained || (sigma <= Rounding && !(after < Settled * before)))
                break;
            if (length >= 0.5 || !(after < before))
                sigma = Math.Max(sigma / (after < 0.1 * before ? 16 : 4), Rounding);
        }
        return new()
        {
            Images = chain.Images(model.Normalize(Image(z))),
            Labels = labels,
            Objective = size,
            Iterations = steps,
            Evaluations = evaluations,
        };
    }

    /// <summary>
    /// What a product gives for every unknown if the equations tell all pixels alike: conjugate gradients take hundreds of products more
    /// without it, for the model of images weighs low frequencies so much more than high ones.
    /// </summary>
    private static Tensor Curvatures(GaussianImages photographs, Func<Tensor, Tensor> normal)
    {
        using var generator = new RandomSource(0).Derive("curvature").Generator(CPU);
        var probe = photographs.Synthesize(randn([1, photographs.Shape.Count], ScalarType.Float64, generator: generator)
            / photographs.Deviations);
        var curvature = (photographs.Explain(probe + photographs.Mean) * normal(probe)).sum().ToDouble() / probe.square().sum().ToDouble();
        return photographs.Deviations.square() * curvature;
    }

    /// <summary>Why it cannot read a network that ends in linear layers, one sentence; null where it can.</summary>
    internal static string? Unreadable(Network network)
    {
        var trunk = network.Layers.TakeWhile(layer => layer is not Linear).ToList();
        return !trunk.Any(layer => layer is Conv2d) ? "The network has no convolution in front of its linear layers: use the bias attack."
            : network.Layers[trunk.Count] is not Linear { Bias: true }
                ? "The first linear layer has no bias that would tell its features: use \"gauss-newton\"."
            : trunk.Select(SmoothStage.Obstacle).FirstOrDefault(obstacle => obstacle is not null) is { } obstacle
                ? $"The search for an image by its features needs smooth layers, and in this network {obstacle}: use \"best\"." : null;
    }
}
