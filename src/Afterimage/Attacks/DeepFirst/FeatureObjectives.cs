using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.Priors;
using Afterimage.Solvers;
using Afterimage.Spaces;

namespace Afterimage.Attacks;

/// <summary>How far the update of a network's tail is from the observed one, as a function of the features that enter the tail.</summary>
/// <param name="forward">The tail's operator.</param>
/// <param name="misfit">Bound to the observed update of the tail.</param>
/// <param name="targets">Labels, or minus the known derivative of the loss.</param>
/// <param name="shape">Of the features, [B,C,H,W].</param>
/// <param name="unit">What a variable of 1 stands for.</param>
internal sealed class TailObjective(ForwardOperator forward, Misfit misfit, Tensor targets, long[] shape, double unit) : Objective
{
    public int Evaluations { get; private set; }

    public override double Evaluate(Tensor point, Tensor gradient)
    {
        using var scope = Tidy.Scope();
        Evaluations++;
        var linearization = forward.At(new(Features(point), targets));
        var (value, difference) = misfit.Evaluate(linearization.Value);
        gradient.copy_(linearization.Pullback(difference).Inputs.reshape(-1) * unit);
        return value;
    }

    /// <summary>Activations are not negative.</summary>
    public override bool Project(Tensor point)
    {
        point.clamp_(min: 0);
        return true;
    }

    public Tensor Features(Tensor point) => point.view(shape) * unit;
}

/// <summary>How far the features of images are from wanted ones, and what is believed of images beside.</summary>
internal sealed class FrontObjective : Objective
{
    private readonly AttackContext context;
    private readonly Search search;
    private readonly Tensor targets;
    private readonly (double Weight, Func<PriorInput, Tensor> Penalty)[] penalties;

    private readonly double ridge;

    public FrontObjective(AttackContext context, Search search, Tensor targets, IEnumerable<Prior> priors, double ridge)
    {
        (this.context, this.search, this.targets, this.ridge) = (context, search, targets, ridge);
        penalties = [.. priors.Where(prior => prior.Weight != 0).Select(prior => (prior.Weight, prior.Bind(context)))];
    }

    public override double Evaluate(Tensor point, Tensor gradient)
    {
        using var scope = Tidy.Scope();
        var leaf = search.Decode(point).detach().requires_grad_();
        var trial = new PriorInput(context, leaf, targets);
        var value = penalties.Select(part => part.Penalty(trial) * part.Weight).Aggregate((sum, term) => sum + term);
        gradient.copy_(search.Pullback(point, Differentiate.Gradients(value, [leaf])[0])).add_(point, alpha: 2 * ridge);
        return value.ToDouble() + ridge * point.square().sum().ToDouble();
    }

    public override bool Project(Tensor point) => search.Project(point);
}

/// <summary>Squared distance of deep features from wanted ones, relative to the square of these.</summary>
internal sealed record DeepFeatures(SplitNetwork Split, Tensor Wanted) : Prior
{
    public override Func<PriorInput, Tensor> Bind(AttackContext context)
    {
        var energy = Math.Max(Wanted.square().sum().ToDouble(), double.Epsilon);
        return trial => (Split.Features(trial.Images) - Wanted).square().sum() / energy;
    }
}
