using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Networks;

namespace Afterimage.Attacks;

/// <summary>
/// Learning to Invert (Wu et al., 2023): a network that was trained on pairs of update and images of this very model, behind the client's
/// defense, makes the images in one pass. Its files come from "afterimage train inverter".
/// </summary>
[Cites("wu2023learning")]
public sealed record LearnedInversion : Attack
{
    /// <summary>A file of "afterimage train inverter".</summary>
    public string? Inverter { get; init; }

    /// <summary>How labels are recovered, for the misfit and the report; the network does not need them.</summary>
    public LabelRule Labels { get; init; } = new RefinedCounts();

    /// <inheritdoc/>
    public override string Equation =>
        $"x = G(sketch(y)), a network G trained on pairs of update and images; labels: {PartKind.Of(Labels.GetType())}";

    /// <inheritdoc/>
    public override LabelRule? Rule => Labels;

    /// <inheritdoc/>
    public override bool HasTrainedPrior => true;

    /// <inheritdoc/>
    public override Tensor? Imagine(AttackContext context, int count, RandomSource random)
    {
        if (Inverter is null)
            return null;
        using var inverter = Networks.Inverter.Load(Inverter);
        return inverter.Imagine(count, random);
    }

    /// <inheritdoc/>
    public override Attack? WithLabels(LabelRule rule) => this with { Labels = rule };

    /// <inheritdoc/>
    public override string? Refusal(AttackContext context) => Inverter is not null ? null
        : "Learned inversion needs a trained inverter: make one with \"afterimage train inverter\" and name its file by " +
            "--set /attack/inverter=\"FILE\".";

    /// <inheritdoc/>
    protected override ChannelEffects Reads => ChannelEffects.All;

    /// <inheritdoc/>
    protected override string Advice =>
        "train the inverter longer or on more images, or let \"matching\" go on from its image (the start \"learned\")";

    /// <inheritdoc/>
    protected override SearchResult Search(AttackRun run)
    {
        using var inverter = Networks.Inverter.Load(Inverter!);
        run.Stop.ThrowIfCancellationRequested();
        var images = inverter.Answer(run.Context);
        foreach (var remark in inverter.Remarks(run.Context))
            run.Note(new Remark(remark));
        return new() { Images = InOrder(images, run), Labels = run.Labels, Iterations = 1 };
    }

    /// <summary>
    /// The images in the order of the labels: the network knows no order, so every image is given the label with which its own gradient
    /// points along the update.
    /// </summary>
    private static Tensor InOrder(Tensor images, AttackRun run)
    {
        var (context, count) = (run.Context, (int)images.shape[0]);
        if (count == 1)
            return images;
        var targets = run.Labels.Targets(context.Model.Classes, context.Model.Type, context.Model.Device);
        var costs = new double[count, count];
        for (var place = 0; place < count; place++)
            for (var image = 0; image < count; image++)
            {
                using var scope = Tidy.Scope();
                using var update = context.Observation.Training.Evaluate(context.Model,
                    new(images.narrow(0, image, 1), targets.narrow(0, place, 1)));
                var along = update.Flat.dot(context.Observation.Update.Flat).ToDouble() / Math.Max(update.Norm(), 1e-30);
                costs[place, image] = double.IsFinite(along) ? -along : 0;
            }
        return images.index_select(0, tensor([.. Assignment.Of(costs).Select(image => (long)image)], device: images.device));
    }
}
