using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// The images of a batch by way of the last convolutions of a residual network: one of them separates the batch, all units in front follow
/// for all images together, and from there every image is looked for by itself; in train mode with statistics that nobody told, all at
/// once.
/// </summary>
internal sealed class ResidualBatch(AttackRun run, BatchSeparation settings)
{
    /// <summary>First guesses for images with abundant features need few examples.</summary>
    private const int Examples = 100;

    /// <summary>
    /// An image that leaves less of its exact features than how much these vary is more than gradient matching finds of a batch behind a
    /// residual network, whose misfit says nothing.
    /// </summary>
    private const double Enough = 1;

    /// <summary>Whether a round is read this way, as far as counts tell.</summary>
    public static bool Reads(AttackContext context)
    {
        if (context.Observation.Training is not FedSgd training)
            return false;
        var train = training.Mode == ModelMode.Train;
        var form = ChainForm.Of(context.Model.Network!, train, joint: true);
        if (form is not { Obstacle: null, IsResidual: true } || form.Linears.Count != 1)
            return false;
        var units = form.Pieces.OfType<UnitForm>().ToList();
        var blocks = form.Pieces.SelectMany(piece => piece is UnitForm unit ? unit.All : [(BlockForm)piece]);
        // In train mode every statistic must be the batch's. Bottlenecks are read there only, and GroupNorm for one image only so far.
        return blocks.All(block => block.Groups is null && (!train || block.Norm is not null))
            && (train || units.All(unit => unit.Between.Count == 0))
            && units.Where((unit, place) => unit.Between.Count == 0 || place == units.Count - 1).SelectMany(unit => unit.Separating)
                .Any(block => SeparableBatch.Largest(block.Conv, block.Input, train) >= context.Observation.BatchSize);
    }

    /// <exception cref="AfterimageException">No layer separates the batch.</exception>
    public BatchImages Read()
    {
        var (context, chain) = (run.Context, RectifiedChain.Of(run.Context, joint: true));
        context.Say("separates the batch and solves for its features");
        var layers = new JointDescent(context, chain, run.Note, run.Stop);
        layers.Run();
        if (layers.Features is null || (layers.Depth == chain.Pieces.Count && layers.Inside is null))
            throw new AfterimageException(
                $"No unit separates this batch of {context.Observation.BatchSize} images down to exact features: use gradient matching.");
        run.Know(new(layers.Labels.ToValueList(), layers.Labels.Select(_ => 1.0).ToValueList()));
        var told = context.Observation.BatchStatistics is not null || context.Observation.RunningStatistics is not null;
        var single = told ? RectifiedChain.Of(context, joint: true, told: true) : chain;
        var search = new JointImages(context, single, layers, run.Stop)
        {
            Examples = Math.Min(Examples, settings.Images), Steps = settings.Steps, Products = settings.Products,
            SecondsLeft = () => run.SecondsLeft,
        };
        var (images, residuals, evaluations) = (new List<Tensor>(), new List<double>(), 0);
        foreach (var found in search.Search())
        {
            images.Add(found.Image.clamp(0, 1));
            residuals.Add(found.Residual);
            evaluations += found.Evaluations;
            context.Say("searches for every image by its features", images.Count, layers.Labels.Length, "images");
        }
        if (search.Contrast is { } contrast)
            run.Note(new Remark(contrast.IsRead
                ? "BatchNorm hides the contrast of the images; the 256 steps of their pixels told it."
                : "BatchNorm hides the contrast of the images, and nothing told it: some pixel of the batch is taken for black or white."));
        run.Note(new ImagesMatched(
            images.Count, context.Observation.BatchSize, residuals.Order().ElementAt(residuals.Count / 2), residuals.Max())
        {
            Enough = Enough,
        });
        return new(cat([.. images]), new(layers.Labels.ToValueList(), layers.Labels.Select(_ => 1.0).ToValueList()),
            [.. layers.Labels.Select(_ => 1)]) { Steps = evaluations, Evaluations = evaluations };
    }
}
