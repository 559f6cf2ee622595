using System.Diagnostics;
using System.Globalization;
using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Solvers;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Benchmarks;

/// <summary>Live tensors and resident memory along a long attack: both must be flat from iteration 100 to 10,000.</summary>
internal static class MemoryTable
{
    public static void Print(TextWriter output)
    {
        set_num_threads(1);
        output.WriteLine("operator   iteration   live tensors   managed MB   resident MB");
        foreach (var choice in (ReadOnlySpan<OperatorChoice>)[OperatorChoice.Autograd, OperatorChoice.Compiled])
            Watch(output, choice);
    }

    private static void Watch(TextWriter output, OperatorChoice choice)
    {
        using var scope = NewDisposeScope();
        using var model = new LeNet().Open(new(3, 32, 32), 10, new RandomSource(3), ScalarType.Float32, CPU);
        using var generator = new Generator(5, CPU);
        var labels = new Labels([4], [1.0]);
        var truth = new Batch(rand([1, 3, 32, 32], generator: generator), labels.Targets(10, ScalarType.Float32, CPU));
        var update = new FedSgd().Linearize(model, truth).Value;
        using var context = new AttackContext
        {
            Model = model,
            Observation = new() { Update = update, Training = new FedSgd(), BatchSize = 1, Labels = labels.Classes },
            Random = new RandomSource(7),
            OperatorChoice = choice,
        };
        var attack = new GradientMatching
        {
            Labels = new Given(), Solver = new FirstOrder { Iterations = 10_001, LearningRate = 0.01 }, Tolerance = 0,
        };
        attack.Run(context, seen =>
        {
            if (seen.Iteration is 100 or 1000 or 5000 or 10_000)
                output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{context.Operator.Name,-10} {seen.Iteration,9:N0} {Tensor.TotalCount,14:N0} " +
                    $"{GC.GetTotalMemory(false) / 1048576.0,12:F1} {Resident(),13:F1}"));
        }).Dispose();
    }

    private static double Resident()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64 / 1048576.0;
    }
}
