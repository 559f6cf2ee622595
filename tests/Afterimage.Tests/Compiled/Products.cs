using System.Numerics;
using Afterimage.Compiled;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Compiled;

/// <summary>One random point and directions, the products there by a plan, and their distance from automatic differentiation in double precision.</summary>
internal sealed class Products<T> where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public T[] Images, Targets, V, U, Gradient, PullImages, PullTargets, Push;

    public Products(CompiledModel<T> model, int batch, ulong seed)
    {
        var random = new RandomSource(seed).Managed();
        T[] Draw(long count, Func<double> next) => [.. Enumerable.Range(0, (int)count).Select(_ => T.CreateTruncating((float)next()))];
        var (pixels, classes, parameters) = (batch * model.Network.Input.Count, batch * model.Network.Classes, model.Layout.Count);
        Images = Draw(pixels, random.NextDouble);
        Targets = Draw(classes, random.NextDouble);
        V = Draw(parameters, () => random.NextDouble() - 0.5);
        U = Draw(pixels, () => random.NextDouble() - 0.5);
        (Gradient, PullImages, PullTargets, Push) = (new T[parameters], new T[pixels], new T[classes], new T[parameters]);
        using var plan = model.Plan(batch);
        plan.Gradient(Images, Targets, Gradient);
        plan.Pullback(V, PullImages, PullTargets);
        plan.Pushforward(U, Push);
    }

    /// <summary>Relative errors of A(x), J'v for images, J'v for targets and Ju.</summary>
    public double[] ErrorsAgainst(VictimModel model, int batch)
    {
        using var scope = NewDisposeScope();
        using var exact = model.To(ScalarType.Float64, CPU);
        Tensor Of(T[] values, params long[] shape) => tensor([.. values.Select(double.CreateTruncating)], ScalarType.Float64).view(shape);
        var images = Of(Images, batch, model.Input.Channels, model.Input.Height, model.Input.Width);
        var point = new FedSgd().Linearize(exact, images, Of(Targets, batch, model.Classes));
        var (pullImages, pullTargets) = point.Pullback(new GradientSet(model.Layout, Of(V, V.Length)));
        return [Error(Gradient, point.Value.Flat), Error(PullImages, pullImages), Error(PullTargets, pullTargets),
            Error(Push, point.Pushforward(Of(U, images.shape)).Flat)];
    }

    private static double Error(T[] found, Tensor expected)
    {
        var difference = 0.0;
        var size = 0.0;
        var reference = expected.contiguous().data<double>().ToArray();
        for (var i = 0; i < found.Length; i++)
        {
            var delta = double.CreateTruncating(found[i]) - reference[i];
            difference += delta * delta;
            size += reference[i] * reference[i];
        }
        return size == 0 ? Math.Sqrt(difference) : Math.Sqrt(difference / size);
    }
}
