using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.LabelRecovery;

/// <summary>Updates of clients whose labels are known, made of random images.</summary>
internal static class Batches
{
    public const int Classes = 10;

    /// <summary>The context of an attack on such an update; the caller owns model and update through its scope.</summary>
    public static AttackContext Of(ModelSource source, int[] labels, LocalTraining? training = null, ulong seed = 3, Tensor? targets = null, int? batch = null)
    {
        training ??= new FedSgd();
        var model = source.Open(new(3, 32, 32), Classes, new RandomSource(seed), ScalarType.Float32, CPU);
        return Of(model, labels, training, seed, targets, batch);
    }

    public static AttackContext Of(VictimModel model, int[] labels, LocalTraining training, ulong seed = 3, Tensor? targets = null, int? batch = null)
    {
        using var generator = new Generator(seed + 1, CPU);
        var truth = targets ?? new Labels(labels.ToValueList(), labels.Select(_ => 1.0).ToValueList()).Targets(model.Classes, ScalarType.Float32, CPU);
        var images = rand([labels.Length, model.Input.Channels, model.Input.Height, model.Input.Width], generator: generator);
        return new()
        {
            Model = model,
            Observation = new() { Update = training.Linearize(model, new(images, truth)).Value, Training = training, BatchSize = batch ?? labels.Length },
            Random = new RandomSource(1),
        };
    }

    /// <summary>With noise of a deviation relative to each tensor's root mean square.</summary>
    public static GradientSet Noisy(GradientSet update, double noise)
    {
        using var generator = new Generator(7, CPU);
        return GradientSet.Gather(update.Layout,
            [.. update.Split().Select(part => part + noise * part.square().mean().sqrt() * randn(part.shape, generator: generator))]);
    }
}
