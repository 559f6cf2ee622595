using System.Globalization;
using Afterimage.Data;
using Afterimage.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Benchmarks;

/// <summary>
/// CPU time of a training step of a style generator against its bare libtorch operations, and the tensors and the memory that steps of each
/// kind of training leave behind.
/// </summary>
internal static class GeneratorStepTable
{
    private const int Batch = 16;
    private const double Seconds = 30;

    public static void Print(TextWriter output)
    {
        set_num_threads(1);
        var training = new GeneratorTraining { Width = 32, Batch = Batch, Steps = 1_000_000 };
        var set = new DeadLeaves { Count = 500, Classes = 1 }.Open();
        using (var trainer = new Trainer(GeneratorTasks.Open(training, set)))
        {
            using var images = new TrainingImages(set, 3, 32);
            using var bytes = (images.At(0, images.Count).Images * 255).to_type(ScalarType.Byte);
            using var bare = new BareStyleStep(new() { Width = training.Width, Latent = training.Latent }, bytes, Batch);
            // Every fourth step has penalties.
            var (reference, own, ratio) = Contest.Run(() => Repeat(bare.Run), () => Repeat(() => trainer.Advance()), Seconds);
            output.WriteLine("one step of a style generator    bare ms   own ms   ratio");
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{"batch 16, width 32, 32x32",-32} {reference * 250,7:F1} {own * 250,8:F1} {1 / ratio,7:F2}"));
        }
        output.WriteLine("training     step   live tensors   resident MB");
        foreach (var kind in Enum.GetValues<GeneratorKind>())
        {
            using var trainer = new Trainer(GeneratorTasks.Open(training with { Kind = kind, Side = 16, Width = 16 }, set));
            while (trainer.Step < 401)
            {
                trainer.Advance();
                if (trainer.Step is 1 or 101 or 401)
                    output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                        $"{kind,-10} {trainer.Step,6:N0} {Tensor.TotalCount,14:N0} {Environment.WorkingSet / 1048576.0,13:F0}"));
            }
        }
    }

    private static void Repeat(Action step)
    {
        for (var i = 0; i < 4; i++)
            step();
    }
}
