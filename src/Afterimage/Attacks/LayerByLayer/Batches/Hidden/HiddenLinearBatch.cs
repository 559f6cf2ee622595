using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// The images of a batch by way of the linear layers at the end of a network: one whose weight gradient separates the batch gives what
/// it sees of every image, the layers in front of it follow by linear equations for all images together, and behind the convolutions
/// every image is looked for by itself.
/// </summary>
internal sealed class HiddenLinearBatch(AttackRun run, BatchSeparation settings)
{
    private readonly int batch = run.Context.Observation.BatchSize;

    /// <summary>Why no layer separates the batch, as far as counts tell; null otherwise.</summary>
    public static string? Obstacle(AttackContext context)
    {
        var observation = context.Observation;
        if (observation.Training is not FedSgd
            && !(observation.Training is FedAvg training && training.Epochs * training.StepsOf(observation.BatchSize) == 1))
            return "The separation reads a single gradient, and this client makes several steps: use gradient matching.";
        var form = ChainForm.Of(context.Model.Network!, observation.Training.Mode == ModelMode.Train);
        if (form.Obstacle is { } obstacle && !IsLinear(form))
            return obstacle;
        var (most, stage) = Enumerable.Range(0, form.Linears.Count).Select(stage => (HiddenStages.Largest(form, stage), stage)).Max();
        return most >= observation.BatchSize ? null : most == 0
            ? "No linear layer with a bias takes in what comes out of a ReLU, so none separates a batch: use gradient matching."
            : $"{form.Linears[stage].Name} separates up to {most} images, the most of all layers, and the batch has " +
                $"{observation.BatchSize}: use gradient matching.";
    }

    /// <exception cref="AfterimageException">No layer separates any image.</exception>
    public BatchImages Read()
    {
        var context = run.Context;
        var (inputs, gradients, labels, times, chain, tail) = Inputs();
        if (chain is null)
            return new(Clamped(context.Model.Denormalize(Shaped(inputs))), labels, times) { Evaluations = 1 };
        gradients = gradients.matmul(tail.First.Weight!);
        if (tail.Spread is { } spread)
            (inputs, gradients) = (inputs.reshape(-1, spread.shape[1])
                .matmul(Factorization.PseudoInverse(spread, "The matrix of an adaptive pooling")),
                gradients.reshape(-1, spread.shape[1]).matmul(spread.t()));
        long[] shape = [-1, .. chain.Pieces[^1].Leaving];
        var search = new FeatureSearch(run, chain, settings, inputs.reshape(shape), gradients.reshape(shape));
        var images = search.Run(labels);
        run.Note(new ImagesMatched(times.Sum(), batch, search.Residuals.Order().ElementAt(times.Length / 2), search.Residuals.Max()));
        return new(Clamped(images), labels, times) { Steps = search.Steps, Evaluations = search.Evaluations };
    }

    /// <summary>What enters the first linear layer for every image that was separated, and what is known beside.</summary>
    /// <exception cref="AfterimageException">No layer separates any image.</exception>
    public HiddenInputs Inputs()
    {
        var context = run.Context;
        var form = ChainForm.Of(context.Model.Network!, context.Observation.Training.Mode == ModelMode.Train);
        var chain = IsLinear(form) ? null : RectifiedChain.Of(context);
        var tail = chain?.Tail ?? new PieceReader(context).Tail(form);
        var stages = new HiddenStages(tail);
        var (stage, found) = Separated(form, stages);
        var inputs = found.Inputs.Rows;
        if (found.Gradients is not { } own || (!found.IsWhole && stage > 0))
            throw new AfterimageException($"{stages.Name(stage)} separates {found.Evidence.Separated} of {batch} images only: " +
                "use gradient matching.");
        var gradients = own.squeeze(2).t();
        var (labels, times) = stages.Labels(stage, inputs, gradients, batch);
        foreach (var n in Enumerable.Range(0, times.Length).Where(n => times[n] > 1))
            run.Note(new ImageRepeated(labels.Classes[n], times[n]));
        run.Know(new([.. labels.Classes.Concat(new int[Math.Max(0, batch - times.Length)]).Take(batch)],
            [.. labels.Confidence.Concat(new double[Math.Max(0, batch - times.Length)]).Take(batch)]));
        while (stage > 0)
        {
            gradients = stages.Arriving(stage--, inputs, gradients);
            (inputs, var residual) = stages.Inputs(stage, gradients);
            run.Note(new LayerSolved(stages.Name(stage), inputs.numel(), residual) { Where = "of all images" });
        }
        return new(inputs, gradients, labels, times, chain, tail);
    }

    /// <summary>The layer nearest to the image that takes the batch apart whole, or the one that takes most of it apart.</summary>
    private (int Stage, BlindBatch Found) Separated(ChainForm form, HiddenStages stages)
    {
        (int Stage, BlindBatch Found)? best = null;
        for (var stage = 0; stage < form.Linears.Count && best?.Found.IsWhole != true; stage++)
        {
            if (HiddenStages.Largest(form, stage) < batch)
                continue;
            run.Context.Say($"separates the batch at {stages.Name(stage)}");
            var (own, random) = (stages[stage], run.Context.Random.Derive(stages.Name(stage)));
            var mixture = RowMixture.Of(form.Linears[stage], own.WeightGradient!, own.BiasGradient!, batch, random);
            var layer = stage == form.Linears.Count - 1 ? mixture.Layer
                : mixture.Layer with { Gates = new(own.Weight!, own.Bias!, mixture.Rows) };
            if (BlindBatch.Of(layer, batch, random, run.Stop) is not { } found)
            {
                run.Note(new LayerOpen(stages.Name(stage), "its weight gradient has no gap behind the inputs of a batch"));
                continue;
            }
            run.Note(found.Evidence);
            if (found.Gradients is { } sent)
                found = found with { Gradients = mixture.Whole(sent.squeeze(2).t()).t().unsqueeze(2) };
            if (best is null || found.Evidence.Separated > best.Value.Found.Evidence.Separated)
                best = (stage, found);
        }
        return best is { Found.Evidence.Separated: > 0 } ? best.Value
            : throw new AfterimageException($"No layer separates this batch of {batch} images: use gradient matching.");
    }

    private Tensor Shaped(Tensor rows)
    {
        var input = run.Context.Model.Input;
        return rows.reshape(-1, input.Channels, input.Height, input.Width);
    }

    private static Tensor Clamped(Tensor images) => images.clamp(0, 1);

    /// <summary>Whether the network has linear layers alone, of which the first takes in the image.</summary>
    private static bool IsLinear(ChainForm form) => form.Pieces.Count == 0 && form.Linears.Count > 1;
}
