using System.Numerics;
using System.Runtime.InteropServices;
using Afterimage.Compiled;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Benchmarks;

/// <summary>One model, one batch and one observed gradient, with everything that evaluates them.</summary>
internal sealed class Setting : IDisposable
{
    private readonly VictimModel model;
    private readonly float[] images, targets, observed;

    public Setting(ModelSource source, ImageShape input, int batch)
    {
        var random = new RandomSource(1).Managed();
        model = source.Open(input, 10, new RandomSource(3), ScalarType.Float32, CPU);
        Model = CompiledModel.Of<float>(model);
        images = [.. Enumerable.Range(0, batch * input.Count).Select(_ => random.NextSingle())];
        targets = new float[batch * 10];
        for (var i = 0; i < batch; i++)
            targets[i * 10 + i % 10] = 1;
        observed = [.. Enumerable.Range(0, (int)model.Layout.Count).Select(_ => random.NextSingle() - 0.5f)];
        Bare = new(model,
            tensor(images).view(batch, input.Channels, input.Height, input.Width), tensor(targets).view(batch, 10), tensor(observed));
        Operations = batch * Model.Network.Operations();
        Mine = Begin(batch);
    }

    public CompiledModel<float> Model { get; }

    public BareLoop Bare { get; }

    public Search Mine { get; }

    /// <summary>Floating-point operations of one evaluation.</summary>
    public double Operations { get; }

    /// <summary>A plan with memory of its own, for one thread.</summary>
    public Search Begin(int batch) => new(Model.Plan(batch), images, targets, observed);

    public void Dispose()
    {
        Mine.Dispose();
        Bare.Dispose();
        Model.Dispose();
        model.Dispose();
    }

    /// <summary>Evaluations by the compiled operator.</summary>
    public sealed class Search(CompiledPlan<float> plan, float[] images, float[] targets, float[] observed) : IDisposable
    {
        private readonly float[] gradient = new float[observed.Length];
        private readonly float[] forImages = new float[images.Length];
        private readonly float[] forTargets = new float[targets.Length];

        /// <summary>A(x) and J'(A(x) - y).</summary>
        public void Evaluate()
        {
            Gradient();
            var g = MemoryMarshal.Cast<float, Vector<float>>(gradient.AsSpan());
            var y = MemoryMarshal.Cast<float, Vector<float>>(observed.AsSpan());
            for (var i = 0; i < g.Length; i++)
                g[i] = 2 * (g[i] - y[i]);
            for (var i = g.Length * Vector<float>.Count; i < gradient.Length; i++)
                gradient[i] = 2 * (gradient[i] - observed[i]);
            Pullback();
        }

        public void Gradient() => plan.Gradient(images, targets, gradient);

        public void Pullback() => plan.Pullback(gradient, forImages, forTargets);

        public void Pushforward() => plan.Pushforward(images, gradient);

        public void Dispose() => plan.Dispose();
    }
}
