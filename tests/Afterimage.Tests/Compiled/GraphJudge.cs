using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Compiled;

/// <summary>Holds the compiled operator of a random graph against automatic differentiation, product by product.</summary>
internal static class GraphJudge
{
    private const double Tolerance = 1e-10;

    /// <summary>Rounding may cost this many times what it costs automatic differentiation when its images are rounded elsewhere.</summary>
    private const double RoundingFactor = 30;
    private static readonly string[] Names = ["A(x)", "J'v for images", "J'v for targets", "Ju"];

    /// <summary>Which product differs; null where all agree.</summary>
    public static string? Fault(RandomGraph graph) => Fault(graph, out _);

    /// <summary>The same, and whether some product is so near to zero that the graph was judged by what rounding costs.</summary>
    public static string? Fault(RandomGraph graph, out bool isByRounding)
    {
        using var scope = NewDisposeScope();
        using var model = Architectures.Model(graph.Network, 1);
        using var exact = model.To(ScalarType.Float64, CPU);
        var expected = Products(graph, exact, OperatorChoice.Autograd);
        var found = Products(graph, exact, OperatorChoice.Compiled);
        isByRounding = Worst(found, expected) is not null;
        if (!isByRounding)
            return null;
        // A product that nearly cancels, as behind a mean of standardized numbers, consists of rounding in both.
        var rounded = Products(graph, exact, OperatorChoice.Autograd, 1e-14);
        return Worst(found, expected, rounded);
    }

    /// <summary>The fault of a graph without the layers that it does not need, in words.</summary>
    public static string Smallest(RandomGraph graph)
    {
        while (graph.Smaller().FirstOrDefault(smaller => IsFaulty(smaller)) is { } found)
            graph = found;
        return $"{Fault(graph)}: {graph}";
    }

    private static bool IsFaulty(RandomGraph graph)
    {
        try
        {
            return Fault(graph) is not null;
        }
        catch (AfterimageException)
        {
            return false; // Without that layer the others do not fit.
        }
    }

    /// <summary>The same of a smooth graph in single precision, where rounding may cost what it costs automatic differentiation.</summary>
    public static string? SingleFault(RandomGraph graph)
    {
        using var scope = NewDisposeScope();
        using var model = Architectures.Model(graph.Network, 1);
        using var exact = model.To(ScalarType.Float64, CPU);
        var expected = Products(graph, exact, OperatorChoice.Autograd);
        var found = Products(graph, model, OperatorChoice.Compiled);
        return Worst(found, expected, Products(graph, model, OperatorChoice.Autograd), 1e-5);
    }

    private static string? Worst(Tensor[] found, Tensor[] expected, Tensor[]? rounded = null, double tolerance = Tolerance)
    {
        for (var i = 0; i < found.Length; i++)
        {
            var (error, size) = (Distance(found[i], expected[i]), expected[i].norm().ToDouble());
            var allowed = Math.Max(tolerance * size, rounded is null ? 0 : RoundingFactor * Distance(rounded[i], expected[i]));
            if (!(error <= allowed))
                return FormattableString.Invariant($"{Names[i]} differs by {error:G3} of {size:G3}");
        }
        return null;
    }

    private static double Distance(Tensor a, Tensor b) => (a.to(ScalarType.Float64) - b.to(ScalarType.Float64)).norm().ToDouble();

    /// <summary>All products at a random point, whose images are moved by a relative amount.</summary>
    private static Tensor[] Products(RandomGraph graph, VictimModel model, OperatorChoice choice, double moved = 0)
    {
        using var generator = new RandomSource(5).Generator(CPU);
        Tensor Draw(params long[] shape) => rand(shape, ScalarType.Float32, CPU, generator: generator).to(model.Type);
        var (input, batch) = (graph.Network.Input, graph.Batch);
        var images = Draw(batch, input.Channels, input.Height, input.Width);
        var targets = Draw(batch, graph.Network.Classes);
        var v = new GradientSet(model.Layout, Draw(model.Layout.Count) - 0.5);
        var u = Draw(images.shape) - 0.5;
        using var forward = new FedSgd { Mode = graph.Mode }.Operator(model, batch, choice);
        var point = forward.At(new(images * (1 + moved), targets));
        var pulled = point.Pullback(v);
        return [point.Value.Flat, pulled.Inputs, pulled.Targets, point.Pushforward(u).Flat];
    }
}
