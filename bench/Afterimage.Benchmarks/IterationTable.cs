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

/// <summary>
/// CPU time of one whole attack iteration (labels, search space, fidelity, solver step, bookkeeping) against the bare libtorch
/// calls that it must make: forward, gradient with its graph, distance, gradient for the images.
/// </summary>
internal static class IterationTable
{
    private const int Steps = 40;

    public static void Print(TextWriter output)
    {
        set_num_threads(1);
        output.WriteLine("model, batch            bare ms   autograd ms   ratio   compiled ms   ratio");
        ReadOnlySpan<(string, ModelSource, int)> cases =
        [
            ("LeNet, 1", new LeNet(), 1), ("LeNet, 8", new LeNet(), 8),
            ("ConvNet-16, 1", new ConvNet { Width = 16 }, 1), ("ResNet-20, 1", new ResNet { Depth = 20 }, 1),
        ];
        foreach (var (name, source, batch) in cases)
        {
            var (bare, graph, slow) = Compare(source, batch, OperatorChoice.Autograd);
            var (_, compiled, fast) = Compare(source, batch, OperatorChoice.Compiled);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{name,-20} {bare,10:F2} {graph,13:F2} {slow,7:F2} {compiled,13:F2} {fast,7:F2}"));
        }
    }

    private static (double Bare, double Attack, double Ratio) Compare(ModelSource source, int batch, OperatorChoice choice)
    {
        using var scope = NewDisposeScope();
        using var model = source.Open(new(3, 32, 32), 10, new RandomSource(3), ScalarType.Float32, CPU);
        using var round = new Round(model, batch, choice);
        using var bare = new BareLoop(model, round.Images, round.Targets, round.Observed);
        var (reference, attack, _) = Contest.Run(() => Repeat(bare.Evaluate), round.Attack, 6);
        return (reference / Steps * 1000, attack / Steps * 1000, attack / reference);
    }

    private static void Repeat(Action action)
    {
        for (var i = 0; i < Steps; i++)
            action();
    }

    private sealed class Round : IDisposable
    {
        private readonly AttackContext context;
        private readonly GradientMatching attack = new()
        {
            Labels = new Given(),
            Solver = new FirstOrder { Iterations = Steps, LearningRate = 0.01 },
            Tolerance = 0,
        };

        public Round(VictimModel model, int batch, OperatorChoice choice)
        {
            using var generator = new Generator(5, CPU);
            Images = rand([batch, 3, 32, 32], generator: generator);
            var classes = Enumerable.Range(0, batch).Select(i => i % 10).ToValueList();
            var labels = new Labels(classes, Enumerable.Repeat(1.0, batch).ToValueList());
            Targets = labels.Targets(10, ScalarType.Float32, CPU);
            var update = new FedSgd().Linearize(model, new(Images, Targets)).Value;
            Observed = update.Flat;
            context = new()
            {
                Model = model,
                Observation = new() { Update = update, Training = new FedSgd(), BatchSize = batch, Labels = labels.Classes },
                Random = new RandomSource(7),
                OperatorChoice = choice,
            };
        }

        public Tensor Images { get; }

        public Tensor Targets { get; }

        public Tensor Observed { get; }

        public void Attack() => attack.Run(context).Dispose();

        public void Dispose() => context.Dispose();
    }
}
