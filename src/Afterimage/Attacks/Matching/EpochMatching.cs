using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Priors;

namespace Afterimage.Attacks;

/// <summary>
/// For clients that shuffle their images in every epoch (Dimitrov et al., 2022): each epoch gets candidate images of its own, tied
/// to those of the others by a penalty that does not see their order; at the end they are matched across epochs and averaged.
/// Labels are recovered once and put into an order at random.
/// </summary>
[Cites("dimitrov2022data")]
public sealed record EpochMatching : Attack
{
    /// <summary>The search over the images of all epochs; its priors keep their weights, so that epochs are tied to the end.</summary>
    public GradientMatching Matching { get; init; } = Known.Matching with
    {
        Priors = [new TotalVariation { Weight = 1e-5 }],
        Continuation = [1],
        Restarts = 2,
    };

    /// <summary>Weight of the tie between epochs.</summary>
    [Range(0, 1e30)]
    public double Weight { get; init; } = 1e-2;

    /// <summary>Random 3x3 filters whose largest response over an epoch's images is compared; 0 compares their mean image.</summary>
    [Range(0, 4096)]
    public int Filters { get; init; } = 96;

    /// <inheritdoc/>
    public override LabelRule? Rule => Matching.Labels;

    /// <inheritdoc/>
    public override string Equation => MatchingText.Of(Matching, $" + {MatchingText.Number(Weight)} |differences between epochs|^2");

    /// <inheritdoc/>
    public override int Budget => Matching.Budget;

    /// <inheritdoc/>
    public override Attack? WithRestarts(int restarts) => this with { Matching = Matching with { Restarts = restarts } };

    /// <inheritdoc/>
    public override Attack? WithIterations(int iterations) =>
        this with { Matching = (GradientMatching)Matching.WithIterations(iterations)! };

    /// <inheritdoc/>
    public override Attack? WithLabels(LabelRule rule) => this with { Matching = Matching with { Labels = rule } };

    /// <inheritdoc/>
    public override string? Refusal(AttackContext context) => context.Observation.Training is FedAvg { Epochs: > 1 } ? null
        : "Images are matched across epochs, and this client trains for one: use \"matching\" or \"local-matching\".";

    /// <inheritdoc/>
    protected override SearchResult Search(AttackRun run)
    {
        var (context, labels) = (run.Context, run.Labels);
        var training = (FedAvg)context.Observation.Training;
        var order = Enumerable.Range(0, labels.Classes.Count).ToArray();
        context.Random.Derive("label order").Managed().Shuffle(order);
        labels = new(order.Select(i => labels.Classes[i]).ToValueList(), order.Select(i => labels.Confidence[i]).ToValueList());
        using var wide = new AttackContext
        {
            Model = context.Model,
            Observation = new()
            {
                Update = context.Observation.Update,
                Training = new SeparateEpochs(training) { Loss = training.Loss },
                BatchSize = training.Epochs * labels.Classes.Count,
                Channel = context.Observation.Channel,
                Labels = Enumerable.Repeat(labels.Classes, training.Epochs).SelectMany(classes => classes).ToValueList(),
            },
            Random = context.Random,
            OperatorChoice = context.OperatorChoice,
            Workers = context.Workers,
        };
        var tied = Matching with
        {
            Labels = new Given(),
            Priors = [.. Matching.Priors, new EpochAgreement(training.Epochs, Filters) { Weight = Weight }],
        };
        using var found = tied.Run(wide, seen => run.See(seen with { Images = () => Merge(seen.Images(), training.Epochs) }), run.Stop);
        run.Note(new Remark(
            $"The images of {training.Epochs} epochs were looked for apart, matched and averaged; the misfit is theirs before."));
        foreach (var note in found.Evidence)
            run.Note(note);
        return new()
        {
            Images = double.IsNaN(found.RelativeMisfit) ? null : Merge(found.Images, training.Epochs),
            Labels = labels,
            Objective = found.Objective,
            RelativeMisfit = found.RelativeMisfit,
            Operator = found.Operator,
            Restart = found.Restart,
            Restarts = found.Restarts,
            Iterations = found.Iterations,
            Evaluations = found.Evaluations,
        };
    }

    /// <summary>The images of every epoch, put into the order of the first, averaged.</summary>
    internal static Tensor Merge(Tensor images, int epochs)
    {
        var apart = images.view([epochs, images.shape[0] / epochs, .. images.shape[1..]]);
        var first = apart[0];
        var sum = first.clone();
        for (var epoch = 1; epoch < epochs; epoch++)
        {
            var other = apart[epoch];
            var distances = (first.flatten(1).unsqueeze(1) - other.flatten(1).unsqueeze(0)).square().mean([2]).to(ScalarType.Float64).cpu();
            var cost = new double[first.shape[0], first.shape[0]];
            Buffer.BlockCopy(distances.data<double>().ToArray(), 0, cost, 0, cost.Length * sizeof(double));
            var places = Assignment.Of(cost);
            sum.add_(other.index_select(0, tensor(places.Select(place => (long)place).ToArray(), device: other.device)));
        }
        return sum / epochs;
    }
}
