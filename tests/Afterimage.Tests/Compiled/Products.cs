using System.Numerics;
using Afterimage.Compiled;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Compiled;

/// <summary>
/// One random point and directions, the products there by a plan, and their distance from automatic differentiation in double
/// precision.
/// </summary>
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
    public double[] ErrorsAgainst(VictimModel model, int batch) =>
        Errors([Wide(Gradient), Wide(PullImages), Wide(PullTargets), Wide(Push)], Reference(model, batch, ScalarType.Float64));

    /// <summary>The same errors of automatic differentiation in single precision: what rounding alone does to these products.</summary>
    public double[] ErrorsOfAutograd(VictimModel model, int batch) =>
        Errors(Reference(model, batch, ScalarType.Float32), Reference(model, batch, ScalarType.Float64));

    private double[][] Reference(VictimModel model, int batch, ScalarType type)
    {
        using var scope = NewDisposeScope();
        using var typed = model.To(type, CPU);
        Tensor Of(T[] values, params long[] shape) => tensor(Wide(values), type).view(shape);
        var images = Of(Images, batch, model.Input.Channels, model.Input.Height, model.Input.Width);
        var point = new FedSgd().Linearize(typed, new(images, Of(Targets, batch, model.Classes)));
        var (forImages, forTargets) = point.Pullback(new GradientSet(model.Layout, Of(V, V.Length)));
        Tensor[] products = [point.Value.Flat, forImages, forTargets, point.Pushforward(Of(U, images.shape)).Flat];
        return [.. products.Select(product => product.to(ScalarType.Float64).contiguous().data<double>().ToArray())];
    }

    private static double[] Wide(T[] values) => [.. values.Select(double.CreateTruncating)];

    private static double[] Errors(double[][] found, double[][] expected) => [.. found.Zip(expected, Error)];

    private static double Error(double[] found, double[] expected)
    {
        var difference = Math.Sqrt(found.Zip(expected, (a, b) => (a - b) * (a - b)).Sum());
        var size = Math.Sqrt(expected.Sum(value => value * value));
        return size == 0 ? difference : difference / size;
    }
}
