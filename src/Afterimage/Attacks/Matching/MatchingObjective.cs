using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.Priors;
using Afterimage.Solvers;
using Afterimage.Spaces;

namespace Afterimage.Attacks;

/// <summary>
/// Fidelity(A(decode(z)), y) + sum of priors, as a function of the blocks of unknowns: the variables of the search space and,
/// where labels are refined, the logits of the soft labels, and then whatever else is unknown of the training.
/// </summary>
internal sealed class MatchingObjective : Objective
{
    /// <summary>Probability added to every class of a soft label where its refinement starts, so that none is out of reach.</summary>
    private const double Leak = 1e-3;

    private const string ImageBlock = "images", LabelBlock = "labels", TrainingBlock = "training";

    private readonly AttackContext context;
    private readonly Search search;
    private readonly Misfit misfit;
    private readonly (double Weight, Func<PriorInput, Tensor> Penalty)[] penalties;
    private readonly Tensor targets;
    private readonly Tensor errors;
    private readonly NuisanceSearch? nuisance;
    private readonly bool refine;
    private readonly Unknowns unknowns;

    public MatchingObjective(AttackContext context, Search search, Fidelity fidelity, IEnumerable<Prior> priors, Labels labels,
        RandomSource random, Nuisance? unknown = null, Tensor? beside = null, Tensor? signal = null)
    {
        (this.context, this.search, refine) = (context, search, labels.Refine);
        misfit = fidelity.Against(context.Observation.Update, context.Observation.Channel);
        penalties = [.. priors.Where(prior => prior.Weight != 0).Select(prior => (prior.Weight, prior.Bind(context)))];
        targets = labels.Targets(context.Model.Classes, context.Model.Type, context.Model.Device);
        errors = signal ?? targets;
        nuisance = unknown?.Open(context, random) is { Start.shape: [> 0] } found ? found : null;
        var blocks = new List<Block> { new(ImageBlock, search.Start) { Rate = search.Rate, Project = search.Project } };
        if (refine)
            blocks.Add(new(LabelBlock, labels.Soft is null ? LabelLogits(random) : (targets + Leak).log()));
        if (nuisance is not null)
            blocks.Add(new(TrainingBlock, nuisance.Start) { Rate = nuisance.Rate, Project = nuisance.Project });
        unknowns = new(blocks);
        Start = beside is null ? unknowns.Start : cat([unknowns.Start.narrow(0, 0, search.Start.shape[0]), beside]);
    }

    public Tensor Start { get; }

    public override Tensor? Rates => unknowns.Rates;

    /// <summary>What the restarts of a group agree on, in the order of these images; null without a group.</summary>
    public Tensor? Consensus { get; set; }

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
        var (value, imageGradient, targetGradient) = Fit(point, images, labels, gradient);
        if (PriorFactor != 0 && penalties.Length > 0)
        {
            var (imageLeaf, labelLeaf) = (images.detach().requires_grad_(), refine ? labels.detach().requires_grad_() : labels);
            var trial = new PriorInput(context, imageLeaf, labelLeaf, Consensus);
            var belief = penalties.Select(part => part.Penalty(trial) * (part.Weight * PriorFactor)).Aggregate((sum, term) => sum + term);
            var gradients = Differentiate.Gradients(belief, refine ? [imageLeaf, labelLeaf] : [imageLeaf]);
            imageGradient = imageGradient + gradients[0];
            if (refine)
                targetGradient = targetGradient + gradients[1];
            value += belief.ToDouble();
        }
        var variableGradient = search.Pullback(pixels, imageGradient);
        if (SearchPenalty(pixels) is { } own)
        {
            value += own.Value;
            variableGradient = variableGradient + own.Gradient;
        }
        unknowns.Write(gradient, ImageBlock, variableGradient);
        if (refine)
        {
            var along = (targetGradient * labels).sum(1, keepdim: true);
            unknowns.Write(gradient, LabelBlock, labels * (targetGradient - along));
        }
        return value;
    }

    /// <inheritdoc/>
    public override double Value(Tensor point)
    {
        using var scope = Tidy.Scope();
        Evaluations++;
        var variables = Pixels(point);
        var images = search.Decode(variables);
        var value = misfit.Evaluate(Predict(images, point)).Value;
        if (nuisance?.Penalty(Others(point)) is { } unusual)
            value += unusual.ToDouble();
        var trial = new PriorInput(context, images, Targets(point), Consensus);
        value += PriorFactor * penalties.Sum(part => part.Penalty(trial).ToDouble() * part.Weight);
        return value + (search.Penalty(variables)?.ToDouble() ?? 0);
    }

    private (double Value, Tensor Gradient)? SearchPenalty(Tensor variables)
    {
        var leaf = variables.detach().requires_grad_();
        return search.Penalty(leaf) is { } penalty ? (penalty.ToDouble(), Differentiate.Gradients(penalty, [leaf])[0]) : null;
    }

    /// <summary>A space opened where this one's search ended.</summary>
    public Search Follow(SearchSpace space, Tensor point, RandomSource random, Tensor targets) =>
        space.Follow(context, search, Pixels(point), random, targets);

    /// <summary>Tells the fidelity which step begins.</summary>
    public void Begin(int step) => misfit.Begin(step);

    public override bool Project(Tensor point)
    {
        using var scope = Tidy.Scope();
        return unknowns.Project(point);
    }

    /// <summary>Images in [0,1] that a point stands for.</summary>
    public Tensor Images(Tensor point) => search.Decode(Pixels(point)).clamp(0, 1);

    /// <summary>Label probabilities that a point stands for, [B,classes].</summary>
    public Tensor Targets(Tensor point) => refine ? unknowns.Values(point, LabelBlock).softmax(1) : targets;

    /// <summary>The part of a point that stands for labels and other unknowns beside the images; null where there are none.</summary>
    public Tensor? Beside(Tensor point)
    {
        var variables = search.Start.shape[0];
        return point.shape[0] == variables ? null : point.narrow(0, variables, point.shape[0] - variables).clone();
    }

    /// <summary>The fidelity of a batch of gray images, which know nothing.</summary>
    public double FidelityOfGray()
    {
        using var scope = Tidy.Scope();
        Evaluations++;
        var gray = full(context.ImagesShape, 0.5, context.Model.Type, context.Model.Device);
        return misfit.Evaluate(Predict(gray, Start)).Value;
    }

    /// <summary>|A(x) - y| / |y| at a point.</summary>
    public double RelativeMisfit(Tensor point)
    {
        using var scope = Tidy.Scope();
        return context.Observation.Misfit(Predict(search.Decode(Pixels(point)), point));
    }

    /// <summary>What was found of the training beside images and labels, or null.</summary>
    public string? Describe(Tensor point)
    {
        using var scope = Tidy.Scope();
        return nuisance?.Describe(Others(point));
    }

    /// <summary>The update of images under what a point says of everything else.</summary>
    private GradientSet Predict(Tensor images, Tensor point) => nuisance is null
        ? context.Operator.At(new(images, Seen(Targets(point)))).Value
        : At(images, Targets(point), Others(point)).Value;

    /// <summary>The fidelity and its derivatives; those with respect to other unknowns go into the gradient.</summary>
    private (double Value, Tensor Images, Tensor Targets) Fit(Tensor point, Tensor images, Tensor labels, Tensor gradient)
    {
        if (nuisance is null)
        {
            var linearization = context.Operator.At(new(images, Seen(labels)));
            var (value, difference) = misfit.Evaluate(linearization.Value);
            var (forImages, forTargets) = linearization.Pullback(difference);
            return (value, forImages, forTargets);
        }
        var others = Others(point);
        var joint = At(images, labels, others);
        var (fit, along) = misfit.Evaluate(joint.Value);
        var ((jointImages, jointTargets), jointOthers) = joint.Pullback(along);
        var leaf = others.detach().requires_grad_();
        if (nuisance.Penalty(leaf) is { } penalty)
        {
            fit += penalty.ToDouble();
            jointOthers = jointOthers + Differentiate.Gradients(penalty, [leaf])[0];
        }
        unknowns.Write(gradient, TrainingBlock, jointOthers);
        return (fit, jointImages, jointTargets);
    }

    /// <summary>The most probable class of every image, with its probability.</summary>
    public Labels Refined(Tensor point)
    {
        using var scope = Tidy.Scope();
        var (confidence, classes) = Targets(point).max(1);
        var sure = confidence.to(ScalarType.Float64).cpu().data<double>().ToValueList();
        return new(classes.cpu().data<long>().Select(c => (int)c).ToValueList(), sure);
    }

    /// <summary>The operator with further unknowns, the channel's map behind it.</summary>
    private JointLinearization At(Tensor images, Tensor labels, Tensor others) =>
        context.Observation.Channel.Behind(nuisance!.At(new(images, labels), others));

    /// <summary>What the operator takes for labels: these, or a known derivative of the loss.</summary>
    private Tensor Seen(Tensor labels) => refine ? labels : errors;

    private Tensor Pixels(Tensor point) => unknowns.Values(point, ImageBlock);

    private Tensor Others(Tensor point) => unknowns.Values(point, TrainingBlock);

    private Tensor LabelLogits(RandomSource random)
    {
        using var generator = random.Derive("labels").Generator(context.Model.Device);
        return randn(targets.shape, ScalarType.Float32, context.Model.Device, generator: generator).to(context.Model.Type);
    }
}
