using Afterimage.Federation;
using Afterimage.Fidelities;
using Afterimage.LabelRecovery;
using Afterimage.Priors;
using Afterimage.Solvers;
using Afterimage.Spaces;
using Afterimage.Starts;

namespace Afterimage.Attacks;

/// <summary>
/// Afterimage's own attack on deep networks with ReLU, from the head down. The gradient of the last blocks is matched first, with the
/// features that enter these blocks as unknowns: a shallow problem with many more numbers than unknowns. Then images with such features
/// are looked for, and at last images that have both these features and the whole gradient. Every second start looks for images at
/// once, because different images can have nearly the same features; what explains the update best is kept. Matching is that
/// of Zhu, Liu and Han (2019) and Geiping et al. (2020); jumps smoothed in the derivative alone are known from spiking networks
/// (Neftci, Mostafa and Zenke, 2019).
/// </summary>
/// <remarks>
/// Gradients of ReLU networks jump where an activation switches, and their derivative knows nothing of it: followed to the letter it leads
/// away from the truth even from nearby. Here every search takes the derivative of a ReLU smeared over a width, which shrinks from one
/// run to the next, while values and gradients stay those of the network. At batch size 1 the derivative of the loss with respect to
/// the logits is the gradient of the head's bias, and is taken from there.
/// </remarks>
[Cites("zhu2019deep", "geiping2020inverting", "neftci2019surrogate")]
public sealed record DeepFirst : IterativeAttack
{
    /// <summary>Two restarts, one from features and one from images.</summary>
    public DeepFirst() => Restarts = 2;

    /// <summary>Activations (of residual networks: blocks) behind the features that are looked for first.</summary>
    [Range(1, 1000)]
    public int Blocks { get; init; } = 1;

    /// <summary>Widths of smoothed kinks, relative to the root mean square of an activation's input; one run for each.</summary>
    [Range(0, 1e6, MinimumIsExclusive = true), MinLength(1)]
    public ValueList<double> Widths { get; init; } = [1, 0.3, 0.1];

    /// <summary>Steps of Adam over features, for every width.</summary>
    [Range(1, 100_000_000)]
    public int FeatureSteps { get; init; } = 2000;

    /// <summary>Learning rate of features at width 1, relative to their mean; it falls with the width.</summary>
    [Range(0, 1e6, MinimumIsExclusive = true)]
    public double FeatureRate { get; init; } = 0.3;

    /// <summary>Weight of the features that were found, next to the fidelity of the whole update.</summary>
    [Range(0, 1e30)]
    public double FeatureWeight { get; init; } = 0.1;

    /// <summary>Where the search for images begins.</summary>
    public Start Start { get; init; } = new Uniform { Lowest = 0.4, Highest = 0.6 };

    /// <summary>What the search for images moves.</summary>
    public SearchSpace Space { get; init; } = new Spectral();

    /// <summary>How updates are compared.</summary>
    public Fidelity Fidelity { get; init; } = new Cosine();

    /// <summary>What is believed of images.</summary>
    public ValueList<Prior> Priors { get; init; } = [new TotalVariation { Weight = 1e-3 }];

    /// <summary>Multiplies the weights of priors while features alone decide, which tell little of fine detail.</summary>
    [Range(0, 1e30)]
    public double FeaturePriors { get; init; } = 3;

    /// <summary>Weight of the square of the space's variables while features alone decide.</summary>
    [Range(0, 1e6)]
    public double Ridge { get; init; } = 1e-5;

    /// <summary>Over images, for every width; its learning rate falls with the width.</summary>
    public FirstOrder Solver { get; init; } = new() { LearningRate = 0.3, Schedule = Schedule.Cosine, Iterations = 500 };

    /// <inheritdoc/>
    public override string Equation => MatchingText.Of(
        new() { Labels = Labels, Start = Start, Fidelity = Fidelity, Priors = Priors, Solver = Solver, Restarts = Restarts },
        $" + {MatchingText.Number(FeatureWeight)} |h(x) - h|^2 / |h|^2, " +
        $"h of least misfit of the last {(Blocks == 1 ? "block" : $"{Blocks} blocks")}");

    /// <inheritdoc/>
    public override Attack? WithIterations(int iterations) => this with { Solver = Solver with { Iterations = iterations } };

    /// <inheritdoc/>
    public override string? Refusal(AttackContext context)
    {
        if (context.Observation.Training is not FedSgd training || !SmoothedModel.Applies(context.Model)
            || (training.Mode == Models.ModelMode.Train && context.Model.Buffers.Count > 0))
            return "A search from the head down needs one gradient of a network of known layers with ReLU, and no statistics of the " +
                "batch: use \"rectified-matching\".";
        using var split = SplitNetwork.At(context.Model, Blocks);
        return split is not null ? null : "The network has too few layers to be split in front of its head: use \"rectified-matching\".";
    }

    /// <inheritdoc/>
    protected override SearchResult Search(AttackRun run)
    {
        using var split = SplitNetwork.At(run.Context.Model, Blocks)!;
        return new DeepSearch(this, run, split).Run();
    }
}
