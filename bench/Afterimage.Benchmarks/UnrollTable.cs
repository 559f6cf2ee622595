using System.Globalization;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Benchmarks;

/// <summary>
/// Memory and time of one evaluation (A(x) and J'v) of federated averaging against the number of local steps, in one graph and
/// step by step: how far resident memory rises above that of one step.
/// </summary>
internal static class UnrollTable
{
    public static void Print(TextWriter output)
    {
        set_num_threads(1);
        output.WriteLine("model              steps   one graph: MB   CPU ms   step by step: MB   CPU ms   difference");
        Watch(output, "LeNet, batch 4", new LeNet(), 4);
        Watch(output, "ResNet-20, batch 4", new ResNet { Depth = 20 }, 4);
    }

    private static void Watch(TextWriter output, string name, ModelSource source, int batch)
    {
        using var scope = NewDisposeScope();
        var model = source.Open(new(3, 32, 32), 10, new RandomSource(3), ScalarType.Float32, CPU);
        using var generator = new Generator(5, CPU);
        var images = rand([batch, 3, 32, 32], generator: generator);
        var targets = new Labels(Enumerable.Range(0, batch).ToValueList(), []).Targets(10, ScalarType.Float32, CPU);
        foreach (var steps in (ReadOnlySpan<int>)[1, 4, 16, 64])
        {
            var training = new FedAvg { Epochs = steps, BatchSize = batch, LearningRate = 0.01, Optimizer = new Sgd { Momentum = 0.9 } };
            var (plain, plainMemory, plainTime) = Evaluate(training, model, images, targets, OperatorChoice.Autograd);
            var (stepwise, memory, time) = Evaluate(training, model, images, targets, OperatorChoice.Stepwise);
            var difference = (plain - stepwise).norm().ToDouble() / plain.norm().ToDouble();
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{name,-18} {steps,5} {plainMemory,15:F1} {plainTime,8:F0} {memory,18:F1} {time,8:F0} {difference,12:E1}"));
        }
    }

    private static (Tensor Gradient, double Megabytes, double Milliseconds) Evaluate(FedAvg training, VictimModel model, Tensor images,
        Tensor targets, OperatorChoice choice)
    {
        using var forward = training.Operator(model, (int)images.shape[0], choice);
        Tensor Once()
        {
            using var scope = NewDisposeScope();
            var point = forward.At(new(images, targets));
            return point.Pullback(point.Value).Inputs.MoveToOuterDisposeScope();
        }
        Once().Dispose();
        var before = PeakMemory.Restart();
        var begin = Environment.CpuUsage.TotalTime;
        var gradient = Once();
        return (gradient, PeakMemory.Megabytes() - before, (Environment.CpuUsage.TotalTime - begin).TotalMilliseconds);
    }
}
