using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.Images;
using Afterimage.Leakage;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Solvers;
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
        var (found, exact) = (differences.At(new(scene.Images, scene.Targets)), graph.At(new(scene.Images, scene.Targets)));
        Near(exact.Value.Flat, found.Value.Flat, 1e-12);
        // A direction that gradients can take: any other may move a dead unit over its kink, where no derivative exists.
        var v = new GradientSet(scene.Model.Layout, exact.Value.Flat + exact.Pushforward(scene.Normal("v", scene.Images.shape)).Flat);
        Near(exact.Pullback(v).Inputs, found.Pullback(v).Inputs, 1e-7);
        Near(exact.Pullback(v).Targets, found.Pullback(v).Targets, 1e-7);
        var u = scene.Normal("u", scene.Images.shape);
        Near(exact.Pushforward(u).Flat, found.Pushforward(u).Flat, 1e-6);
        var one = zeros_like(u);
        one.view(-1)[7] = 1;
        Near(exact.Pushforward(one).Flat, found.Pushforward(one).Flat, 1e-6);
    }

    [Fact]
    public void Are_taken_where_an_operation_has_no_second_derivative()
    {
        using var scope = NewDisposeScope();
        using var model = Open();
        Assert.Null(model.Network);
        using var forward = new FedSgd().Operator(model, 2);
        Assert.Equal("finite differences", forward.Name);
        Assert.Matches("cannot be differentiated twice .derivative for aten::grid_sampler_2d_backward .* relative error is [0-9.]+E-", forward.Reason);

        // Adjoint, and Ju is what the update does along u.
        var (x, t) = (rand([2, 2, 6, 6]), nn.functional.softmax(rand([2, 4]), 1));
        var point = forward.At(new(x, t));
        var (u, v) = (randn(x.shape), new GradientSet(model.Layout, randn(model.Layout.Count)));
        var push = point.Pushforward(u);
        Assert.Equal(push.Flat.dot(v.Flat).ToDouble(), (point.Pullback(v).Inputs * u).sum().ToDouble(), 1e-5 * push.Norm() * v.Norm());
        using var wide = model.To(ScalarType.Float64, CPU);
        Tensor Update(double along) => new FedSgd().Linearize(wide, new(x.to(ScalarType.Float64) + u.to(ScalarType.Float64) * along, t.to(ScalarType.Float64))).Value.Flat;
        Near((Update(1e-4) - Update(-1e-4)) / 2e-4, push.Flat.to(ScalarType.Float64), 1e-5);
    }

    [Fact]
    public void A_script_that_can_be_differentiated_twice_keeps_automatic_differentiation()
    {
        using var scope = NewDisposeScope();
        using var model = SmallScript.Save(folder, "y = torch.flatten(torch.cumsum(torch.softplus(x, 1, 20), 3), 1, -1)", 108)
            .Open(SmallScript.Input, 4, new(5), ScalarType.Float32, CPU);
        Assert.Null(model.Network);
        using var forward = new FedSgd().Operator(model, 2);
        Assert.Equal("autograd", forward.Name);
    }

    [Fact]
    public void What_they_cannot_do_is_refused()
    {
        using var model = Open();
        Refusal.Says("choose auto or finite-differences", () => new FedSgd().Operator(model, 2, OperatorChoice.Autograd));
        Refusal.Says("audit one gradient of this model", () => new FedAvg().Operator(model, 2));
    }

    [Fact]
    public void An_attack_and_the_leakage_analysis_run_on_them()
    {
        using var scope = NewDisposeScope();
        using var scene = new Scene(SmallScript.Save(folder, Sampled, 108), batch: 1, shape: SmallScript.Input);
        var prior = new WhiteImages(SmallScript.Input, 0.05);
        var found = new LeakageProbe().Measure(scene.Context, scene.Images, scene.Targets, prior, NoiseScale.Layer);
        Assert.InRange(found.Rank!.Value, 1, 72);
        using var images = (Known.Matching with { Restarts = 1, Solver = new Lbfgs { Iterations = 5 } }).Run(scene.Context);
        Assert.Contains("finite differences", images.Operator, StringComparison.Ordinal);
        Assert.InRange(images.RelativeMisfit, 0, 1);
    }

    private VictimModel Open() => SmallScript.Save(folder, Sampled, 108).Open(SmallScript.Input, 4, new(5), ScalarType.Float32, CPU);

    private static void Near(Tensor expected, Tensor actual, double tolerance) =>
        Assert.InRange((expected - actual).norm().ToDouble() / expected.norm().ToDouble(), 0, tolerance);
}
