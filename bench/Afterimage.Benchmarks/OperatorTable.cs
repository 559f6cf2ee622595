using System.Numerics;
using System.Runtime.InteropServices;
using Afterimage.Compiled;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Benchmarks;

/// <summary>The compiled operator against the bare libtorch loop, one core each, in one run.</summary>
internal static class OperatorTable
{
    private sealed record Case(string Name, ModelSource Source, int Batch, double Target);

    private static readonly Case[] Cases =
    [
        new("LeNet 3x32x32, batch 1", new LeNet(), 1, 6),
        new("LeNet 3x32x32, batch 8", new LeNet(), 8, 4),
        new("MLP 3072-256-256-256-10, batch 1", new Mlp(), 1, 3),
        new("ConvNet-16, batch 1", new ConvNet { Width = 16 }, 1, 1.5),
        new("ResNet-20, batch 1", new ResNet { Depth = 20 }, 1, 1.5),
    ];

    public static void Print(TextWriter output, string[] only)
    {
        set_num_threads(1);
        output.WriteLine($"{"model",-34}{"libtorch/s",12}{"compiled/s",12}{"ratio",8}{"target",8}{"GFLOP/s",9}");
        foreach (var each in Cases.Where(each => only.Length == 0 || only.Any(word => each.Name.Contains(word, StringComparison.OrdinalIgnoreCase))))
        {
            using var setting = new Setting(each.Source, each.Batch);
            var (bare, compiled, ratio) = Contest.Run(setting.Bare.Evaluate, setting.Evaluate, 4);
            output.WriteLine($"{each.Name,-34}{1 / bare,12:F1}{1 / compiled,12:F1}{ratio,8:F2}{each.Target,8:F1}{setting.Operations / compiled / 1e9,9:F1}");
        }
    }

    private sealed class Setting : IDisposable
    {
        private readonly VictimModel model;
        private readonly CompiledModel<float> compiled;
        private readonly CompiledPlan<float> plan;
        private readonly float[] images, targets, observed, gradient, pullImages, pullTargets;

        public Setting(ModelSource source, int batch)
        {
            var random = new RandomSource(1).Managed();
            model = source.Open(new(3, 32, 32), 10, new RandomSource(3), ScalarType.Float32, CPU);
            compiled = CompiledModel.Of<float>(model);
            plan = compiled.Plan(batch);
            images = [.. Enumerable.Range(0, batch * 3072).Select(_ => random.NextSingle())];
            targets = new float[batch * 10];
            for (var i = 0; i < batch; i++)
                targets[i * 10 + i % 10] = 1;
            observed = [.. Enumerable.Range(0, (int)model.Layout.Count).Select(_ => random.NextSingle() - 0.5f)];
            (gradient, pullImages, pullTargets) = (new float[observed.Length], new float[images.Length], new float[targets.Length]);
            Bare = new(model, tensor(images).view(batch, 3, 32, 32), tensor(targets).view(batch, 10), tensor(observed));
            Operations = batch * compiled.Network.Operations();
        }

        public BareLoop Bare { get; }

        public double Operations { get; }

        public void Evaluate()
        {
            plan.Gradient(images, targets, gradient);
            var g = MemoryMarshal.Cast<float, Vector<float>>(gradient.AsSpan());
            var y = MemoryMarshal.Cast<float, Vector<float>>(observed.AsSpan());
            for (var i = 0; i < g.Length; i++)
                g[i] = 2 * (g[i] - y[i]);
            for (var i = g.Length * Vector<float>.Count; i < gradient.Length; i++)
                gradient[i] = 2 * (gradient[i] - observed[i]);
            plan.Pullback(gradient, pullImages, pullTargets);
        }

        public void Dispose()
        {
            Bare.Dispose();
            plan.Dispose();
            compiled.Dispose();
            model.Dispose();
        }
    }
}
