using Afterimage.Data;
using Afterimage.Models;
using Afterimage.Networks;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Networks;

/// <summary>A victim of two linear layers at 8x8, and small inverters of it.</summary>
internal static class ToyInverter
{
    public static readonly ImageShape Shape = new(1, 8, 8);

    public static readonly InverterTraining Training = new()
    {
        Size = 256, Hidden = 64, Width = 8, Images = 16, Steps = 6, Every = 2, Seed = 3,
    };

    public static VictimModel Victim(ulong seed = 1, int width = 24) =>
        new Mlp { Depth = 2, Width = width, Activation = ActivationKind.Sigmoid }
            .Open(Shape, 10, new RandomSource(seed).Derive("model"), ScalarType.Float32, CPU);

    /// <summary>What batches an inverter of a kind can be trained for, at most so many.</summary>
    public static int Batch(InverterKind kind, int most) => kind == InverterKind.Backprojection ? 1 : most;

    /// <summary>Procedural images of its shape; another seed gives others.</summary>
    public static ImageSet Images(int count, ulong seed = 0) => new DeadLeaves { Shape = Shape, Count = count, Seed = seed }.Open();

    public static InverterTask Open(InverterTraining training, VictimModel? victim = null) =>
        InverterTask.Open(training, [victim ?? Victim()], Images(400));

    /// <summary>Writes a network that was trained for one step; the model is given away.</summary>
    public static string Write(VictimModel victim, string path, int batch)
    {
        var images = new DeadLeaves { Shape = victim.Input, Count = 40 * batch }.Open();
        using var trainer = new Trainer(InverterTask.Open(Training with { Steps = 1, Batch = batch }, [victim], images));
        trainer.Run(Path.ChangeExtension(path, ".state.safetensors"));
        trainer.SaveBest(path);
        return path;
    }
}
