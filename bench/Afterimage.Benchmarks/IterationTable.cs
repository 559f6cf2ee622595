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
    /// <summary>Iterations of one attack, so that its beginning and end hardly count; fewer where one takes long.</summary>
    private const int MostSteps = 40, FewestSteps = 12;
    private const double SecondsPerTurn = 0.5;

    /// <param name="output">Receives the table.</param>
    /// <param name="only">Words of the names of models; none for all.</param>
    public static void Print(TextWriter output, string[] only)
    {
        set_num_threads(1);
        output.WriteLine("one iteration                    bare ms   autograd ms   ratio   compiled ms   ratio   times faster   target");
        foreach (var each in BenchmarkCase.Named(only))
        {
            var (bare, graph, slow) = Compare(each, OperatorChoice.Autograd);
            var (_, compiled, fast) = Compare(each, OperatorChoice.Compiled);
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{each.Name,-32} {bare,7:F2} {graph,13:F2} {slow,7:F2} {compiled,13:F2} {fast,7:F2} {1 / fast,14:F2} {each.Target,8:F1}"));
        }
    }

    private static (double Bare, double Attack, double Ratio) Compare(BenchmarkCase each, OperatorChoice choice)
    {
        using var scope = NewDisposeScope();
        using var model = each.Source.Open(each.Input, 10, new RandomSource(3), ScalarType.Float32, CPU);
        using var round = new Round(model, each.Batch, choice);
        using var bare = new BareLoop(model, round.Images, round.Targets, round.Observed);
        bare.Evaluate();
        round.Steps = (int)Math.Clamp(SecondsPerTurn / Contest.CpuSeconds(bare.Evaluate), FewestSteps, MostSteps);
        var (reference, attack, _) = Contest.Run(() => Repeat(bare.Evaluate, round.Steps), round.Attack, 6);
        return (reference / round.Steps * 1000, attack / round.Steps * 1000, attack / reference);
    }

    private static void Repeat(Action action, int times)
    {
        for (var i = 0; i < times; i++)
            action();
    }

    private sealed class Round : IDisposable
    {
        private readonly AttackContext context;
        public int Steps { get; set; } = MostSteps;

        public Round(VictimModel model, int batch, OperatorChoice choice)
        {
            using var generator = new Generator(5, CPU);
            Images = rand([batch, model.Input.Channels, model.Input.Height, model.Input.Width], generator: generator);
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

        public void Attack() => new GradientMatching
        {
            Labels = new Given(),
            Solver = new FirstOrder { Iterations = Steps, LearningRate = 0.01 },
            Tolerance = 0,
        }.Run(context).Dispose();

        public void Dispose() => context.Dispose();
    }
}
