using System.Globalization;
using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Audit.Cases;

/// <summary>Local training in words.</summary>
internal static class TrainingText
{
    /// <summary>What A(x) is.</summary>
    public static string Operator(LocalTraining training, VictimModel? model = null) => training switch
    {
        FedAvg average => $"weights after {average.Epochs} epoch{(average.Epochs == 1 ? "" : "s")} of {Optimizer(average.Optimizer)} " +
            $"(batch {average.BatchSize}, rate {Number(average.LearningRate)}) minus weights before" +
            (average.Loss == new CrossEntropy() ? "" : $", each step on the {Loss(average.Loss)}"),
        Aggregate aggregate => $"mean over {Clients(aggregate)} of: " +
            Operator(aggregate.Local with { Mode = ModelMode.Eval, Loss = aggregate.Loss }),
        HiddenTraining => $"minus the gradient of the {Loss(training.Loss with { Reduction = Reduction.Mean })} at x, " +
            "times a length read from the update",
        DpSgd { Clip: { } clip } => $"mean of the gradients of the {Loss(training.Loss)} of every image, each of norm " +
            $"{Number(clip)} at most",
        _ => $"gradient of the {Loss(training.Loss)} at x",
    } + Mode(training, model);

    /// <summary>Its settings, for who knows them.</summary>
    public static string Settings(LocalTraining training, VictimModel? model = null) => training switch
    {
        FedAvg average => $"epochs {average.Epochs}, batch size {average.BatchSize}, learning rate {Number(average.LearningRate)}" +
            (average.Optimizer == new Sgd() ? "" : $", {Optimizer(average.Optimizer)}") +
            (average.Shuffle ? "; not the order of the images, which changes every epoch" : ", order of the images"),
        Aggregate aggregate => $"an aggregate of {Clients(aggregate)}, each of them: " +
            Settings(aggregate.Local with { Mode = ModelMode.Eval, Loss = new CrossEntropy() }),
        HiddenTraining => "hidden; learning rate times steps is read from the update",
        DpSgd { Clip: { } clip } secret => $"one step of DP-SGD, clipping norm {Number(clip)}, " +
            $"noise multiplier {Number(secret.NoiseMultiplier)}",
        _ => "one gradient step",
    } + (training.Loss == new CrossEntropy() ? "" : $", {Loss(training.Loss)}") +
        Mode(training, model);

    /// <summary>What train mode changes in this model; in one that is not known, what it may change.</summary>
    private static string Mode(LocalTraining training, VictimModel? model)
    {
        const string Statistics = "BatchNorm with the statistics of the batch", Masks = "dropout with masks that nobody knows";
        if (training.Mode == ModelMode.Eval)
            return "";
        var (normalizes, drops) = (model is null || model.Buffers.Count > 0, model is null || model.Network is { MaskCount: > 0 });
        return ", in train mode" + (normalizes, drops) switch
        {
            (true, true) => $" ({Statistics}, {Masks})",
            (true, false) => $" ({Statistics})",
            (false, true) => $" ({Masks})",
            _ => "",
        };
    }

    private static string Clients(Aggregate aggregate) =>
        aggregate.Sizes.Count == 0 ? "clients of one image each" : $"clients of {aggregate.Sizes} images";

    private static string Optimizer(LocalOptimizer optimizer) => optimizer switch
    {
        Sgd sgd => "SGD" + (sgd.Momentum == 0 ? "" : $" with {(sgd.Nesterov ? "Nesterov momentum" : "momentum")} {Number(sgd.Momentum)}") +
            (sgd.WeightDecay == 0 ? "" : $" and weight decay {Number(sgd.WeightDecay)}"),
        AdamW adam => $"AdamW with weight decay {Number(adam.WeightDecay)}",
        var other => other.GetType().Name,
    };

    private static string Loss(Loss loss) => $"{(loss.Reduction == Reduction.Mean ? "mean" : "summed")} " + loss switch
    {
        CrossEntropy { Smoothing: > 0 and var share } => $"cross-entropy of labels smoothed by {Number(share)}",
        CrossEntropy => "cross-entropy",
        BinaryCrossEntropy => "binary cross-entropy",
        MeanSquared => "squared error of the logits",
        var other => other.GetType().Name,
    };

    private static string Number(double value) => value.ToString("0.#####", CultureInfo.InvariantCulture);
}
