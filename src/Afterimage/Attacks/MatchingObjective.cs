using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.Priors;
using Afterimage.Solvers;
using Afterimage.Spaces;

namespace Afterimage.Attacks;

/// <summary>
/// Fidelity(A(decode(z)), y) + sum of priors, as a function of one flat vector: the variables of the search space and,
/// where labels are refined, the logits of the soft labels.
/// </summary>
internal sealed class MatchingObjective : Objective
{
    /// <summary>Probability added to every class of a soft label where its refinement starts, so that none is out of reach.</summary>
    private const double Leak = 1e-3;

    private readonly AttackContext context;
    private readonly Search search;
    private readonly Misfit misfit;
    private readonly (double Weight, Func<Tensor, Tensor> Penalty)[] penalties;
    private readonly Tensor targets;
    private readonly bool refine;
    private readonly long variables;

    public MatchingObjective(AttackContext context, Search search, Fidelity fidelity, IEnumerable<Prior> priors, Labels labels, RandomSource random)
    {
        (this.context, this.search, refine, variables) = (context, search, labels.Refine, search.Start.shape[0]);
        misfit = fidelity.Against(context.Observation.Update);
        penalties = [.. priors.Where(prior => prior.Weight != 0).Select(prior => (prior.Weight, prior.Bind(context)))];
        targets = labels.Targets(context.Model.Classes, context.Model.Type, context.Model.Device);
        Start = refine ? cat([search.Start, labels.Soft is null ? LabelLogits(random) : (targets + Leak).log().reshape(-1)]) : search.Start;
    }

    public Tensor Start { get; }

    /// <summary>Multiplies the weight of every prior.</summary>
    public double PriorFactor { get; set; } = 1;

    public int Evaluations { get; private set; }

    public override double Evaluate(Tensor point, Tensor gradient)
    {
        using var scope = Tidy.Scope();
        Evaluations++;
        var pixels = Pixels(point);
        var images = search.Decode(pixels);
        var labels = Targets(point);
        var linearization = context.Operator.At(images, labels);
        var (value, difference) = misfit.Evaluate(linearization.Value);
        var (imageGradient, targetGradient) = linearization.Pullback(difference);
        if (PriorFactor != 0)
            foreach (var (weight, penalty) in penalties)
            {
                var leaf = images.detach().requires_grad_();
                var term = penalty(leaf);
                imageGradient = imageGradient + Differentiate.Gradients(term, [leaf])[0] * (weight * PriorFactor);
                value += weight * PriorFactor * term.ToDouble();
            }
        gradient.narrow(0, 0, variables).copy_(search.Pullback(pixels, imageGradient));
        if (refine)
        {
            var along = (targetGradient * labels).sum(1, keepdim: true);
            gradient.narrow(0, variables, gradient.shape[0] - variables).copy_((labels * (targetGradient - along)).reshape(-1));
        }
        return value;
    }

    public override bool Project(Tensor point)
    {
        using var scope = Tidy.Scope();
        return search.Project(Pixels(point));
    }

    /// <summary>Images in [0,1] that a point stands for.</summary>
    public Tensor Images(Tensor point) => search.Decode(Pixels(point)).clamp(0, 1);

    /// <summary>Label probabilities that a point stands for, [B,classes].</summary>
    public Tensor Targets(Tensor point) => refine
        ? point.narrow(0, variables, point.shape[0] - variables).view(targets.shape).softmax(1)
        : targets;

    /// <summary>|A(x) - y| / |y| at a point.</summary>
    public double RelativeMisfit(Tensor point)
    {
        using var scope = Tidy.Scope();
        var predicted = context.Operator.At(search.Decode(Pixels(point)), Targets(point)).Value;
        return (predicted.Flat - context.Observation.Update.Flat).norm().ToDouble() / context.Observation.Update.Norm();
    }

    private Tensor Pixels(Tensor point) => refine ? point.narrow(0, 0, variables) : point;

    private Tensor LabelLogits(RandomSource random)
    {
        using var generator = random.Derive("labels").Generator(context.Model.Device);
        return randn([targets.numel()], ScalarType.Float32, context.Model.Device, generator: generator).to(context.Model.Type);
    }
}
