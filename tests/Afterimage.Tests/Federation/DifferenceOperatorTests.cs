using Afterimage.Federation;
using Afterimage.Leakage;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Laws;
using Afterimage.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Federation;

/// <summary>Products by finite differences of first-order gradients.</summary>
public sealed class DifferenceOperatorTests : IDisposable
{
    /// <summary>A softplus convolution, then the file's own sampling of every place a little aside: its gradient has no derivative.</summary>
    private const string Sampled = """
        a = torch.softplus(x, 1, 20)
        theta = torch.reshape(torch.cat([torch.slice(bias, 0, 0, 3), torch.slice(bias, 0, 0, 3)], 0), [1, 2, 3])
        grid = torch.affine_grid_generator(torch.expand(theta, [torch.size(x, 0), 2, 3]), [torch.size(x, 0), 3, 6, 6], True)
        s = torch.grid_sampler(a, grid, 0, 0, True)
        y = torch.flatten(s, 1, -1)
        """;

    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    public static TheoryData<string> Models => Parts.Of<ModelSource>();

    [Theory, MemberData(nameof(Models))]
    public void Agree_with_automatic_differentiation(string model)
    {
        using var scope = NewDisposeScope();
        using var scene = new Scene(Scene.Source(model), batch: 2);
        using var differences = scene.Training.Operator(scene.Model, 2, OperatorChoice.FiniteDifferences);
        using var graph = scene.Training.Operator(scene.Model, 2, OperatorChoice.Autograd);
        var (found, exact) = (differences.At(scene.Images, scene.Targets), graph.At(scene.Images, scene.Targets));
        Near(exact.Value.Flat, found.Value.Flat, 1e-12);
        var v = new GradientSet(scene.Model.Layout, scene.Normal("v", scene.Model.Layout.Count));
        Near(exact.Pullback(v).Images, found.Pullback(v).Images, 1e-7);
        Near(exact.Pullback(v).Targets, found.Pullback(v).Targets, 1e-7);
        var u = scene.Normal("u", scene.Images.shape);
        Near(exact.Pushforward(u).Flat, found.Pushforward(u).Flat, 1e-7);
        var one = zeros_like(u);
        one.view(-1)[7] = 1;
        Near(exact.Pushforward(one).Flat, found.Pushforward(one).Flat, 1e-7);
    }

    private static void Near(Tensor expected, Tensor actual, double tolerance)
    {
        var error = (expected - actual).norm().ToDouble() / expected.norm().ToDouble();
        Console.WriteLine($"NEAR {error}");
        Assert.InRange(error, 0, tolerance);
    }

    [Fact]
    public void Are_taken_where_an_operation_has_no_second_derivative()
    {
        using var scope = NewDisposeScope();
        using var model = SmallScript.Save(folder, Sampled, 108).Open(SmallScript.Input, 4, new(5), ScalarType.Float32, CPU);
        Assert.Null(model.Network);
        using var forward = new FedSgd().Operator(model, 2);
        Assert.Equal("finite differences", forward.Name);
        Console.WriteLine(forward.Reason);
        Assert.Contains("cannot be differentiated twice", forward.Reason, StringComparison.Ordinal);
    }
}
