using System.Globalization;
using Afterimage.Attacks;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Judging;
using Afterimage.Federation;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Audit.Measurements;

/// <summary>
/// What a trained prior makes up by itself: the same attack with the same seed on the update of public images that have nothing to do with
/// the batch. What comes back no better than this is no leak. Images that the prior draws without any update join the pool in which an
/// image is identified.
/// </summary>
internal sealed record PriorControl(ImageBatch Images, ImageBatch Distractors, double Seconds, double CpuSeconds)
{
    private const int MostDistractors = 100;

    /// <summary>The control of an attack; null where it has no trained prior, or where there is no truth or nothing to run it on.</summary>
    public static PriorControl? Of(OpenCase opened, Reconstruction found, CancellationToken stop)
    {
        var (round, context) = (opened.Round, opened.Context);
        var (attack, batch) = (opened.Case.Configuration.Attack, found.Labels.Classes.Count);
        if (!attack.HasTrainedPrior || round.Later is not null || round.Truth is null || round.PublicImages.Count < batch
            || found.Outcome.Kind is OutcomeKind.Refused or OutcomeKind.Canceled)
            return null;
        context.Say("runs the attack on an unrelated update");
        var effort = new Effort();
        using var scope = Tidy.Scope();
        var random = opened.Random.Derive("control", opened.Case.Trial);
        using var update = Unrelated(opened, found, random);
        using var other = new AttackContext
        {
            Model = context.Model,
            Observation = context.Observation.Sending(update),
            Random = context.Random,
            OperatorChoice = context.OperatorChoice,
            Workers = context.Workers,
            PublicImages = context.PublicImages,
        };
        using var timed = other.Within(opened.Case.Seconds);
        using var made = attack.Run(timed, null, stop);
        if (stop.IsCancellationRequested)
            return null;
        var drawn = attack.Imagine(other, MostDistractors, random.Derive("distractors"));
        return new(
            new(round.Model.Input, Tensors.Split(made.Images)),
            new(round.Model.Input, drawn is null ? [] : Tensors.Split(drawn)),
            effort.Seconds, effort.CpuSeconds);
    }

    /// <summary>What the control means, for the report.</summary>
    public string Sentence(Judgment? judgment)
    {
        var excess = judgment?.Images.Select(image => image.Metrics["psnr"] - image.Baselines[Baselines.Prior]["psnr"]).Order().ToArray();
        return string.Create(CultureInfo.InvariantCulture,
            $"The attack has a trained prior, so it was run with the same seed on the update of unrelated images, too ({Seconds:0} s): ")
            + (excess is { Length: > 0 } ? string.Create(CultureInfo.InvariantCulture,
                $"what came back here is {excess[excess.Length / 2]:+0.0;-0.0} dB nearer to the truth (median), and only that is a leak.")
                : "only what is nearer to the truth than its result is a leak.")
            + (Distractors.Count == 0 ? "" : $" {Distractors.Count} images that the prior drew without any update stand in the pool.");
    }

    /// <summary>The update that the client would have sent of public images with the labels that were found.</summary>
    private static GradientSet Unrelated(OpenCase opened, Reconstruction found, RandomSource random)
    {
        var (round, model) = (opened.Round, opened.Context.Model);
        var order = Enumerable.Range(0, round.PublicImages.Count).ToArray();
        random.Derive("images").Managed().Shuffle(order);
        var images = new ImageBatch(round.Model.Input,
            order.Take(found.Labels.Classes.Count).Select(index => round.PublicImages[index].Pixels.ToArray()));
        var targets = found.Labels.Targets(model.Classes, model.Type, model.Device);
        var batch = new Batch(Tensors.From(images, model.Type, model.Device), targets);
        var update = opened.Context.Observation.Training.Train(model, batch, random.Derive("client"));
        Defense defense = opened.Case.Configuration.Client switch
        {
            SimulatedClient client => client.Defense,
            RecordedUpdate recorded => recorded.Defense,
            _ => new None(),
        };
        return defense.Protect(update, random.Derive("defense"),
            new LocalRound(model, batch, opened.Context.Observation.Training)).To(model.Type, model.Device).Detach();
    }
}
