using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Golden;

/// <summary>The forward operator reproduces what PyTorch computed, in single precision, for every problem file.</summary>
[Trait("Category", "slow")]
public class GoldenGradientTests
{
    private const double Tolerance = 1e-5;

    public static TheoryData<string> PyTorch => PyTorchProblem.Names;

    public static TheoryData<string> Peers => PeerProblem.Names;

    [Theory(SkipTestWithoutData = true), MemberData(nameof(PyTorch))]
    public void PyTorchFileAsNetwork(string name)
    {
        using var _ = NewDisposeScope();
        var problem = new PyTorchProblem(name);
        Assert.InRange(Report(name, "network", type =>
        {
            var model = problem.Model.Open(problem.Input, problem.Classes, new RandomSource(1), type, CPU);
            Assert.IsType<NetworkModel>(model);
            Assert.Equal(problem.Order, model.Layout.Entries.Select(entry => entry.Name));
            return Error(problem, model, type);
        }), 0, Resolution(problem));
    }

    [Theory]
    [InlineData("vit-tiny-b1")]
    [InlineData("vit-tiny-b4")]
    public void TransformerFileAsNetwork(string name)
    {
        using var _ = NewDisposeScope();
        var problem = new PyTorchProblem(name, "field");
        Assert.InRange(Report(name, "network", type =>
        {
            var model = problem.Model.Open(problem.Input, problem.Classes, new RandomSource(1), type, CPU);
            var network = Assert.IsType<NetworkModel>(model).Network;
            Assert.Contains(network.Layers.SelectMany(layer => layer.Within), layer => layer is Attention);
            return Error(problem, model, type);
        }), 0, Tolerance);
    }

    [Theory(SkipTestWithoutData = true), MemberData(nameof(PyTorch))]
    public void PyTorchFileAsScript(string name)
    {
        using var _ = NewDisposeScope();
        var problem = new PyTorchProblem(name);
        Assert.InRange(Report(name, "script", type =>
            Error(problem, problem.Model.OpenScript(problem.Input, problem.Classes, type, CPU), type)), 0, Resolution(problem));
    }

    [Theory]
    [InlineData("lenet-fedavg-b4")]
    [InlineData("resnet20-untrained-fedavg-b8-e2")]
    public void PyTorchAveragingStepByStep(string name)
    {
        using var _ = NewDisposeScope();
        var problem = new PyTorchProblem(name);
        Assert.InRange(Report(name, "step by step", type =>
        {
            var model = problem.Model.Open(problem.Input, problem.Classes, new RandomSource(1), type, CPU);
            var (images, targets) = problem.Truth(type);
            using var forward = problem.Training.Operator(model, (int)images.shape[0], OperatorChoice.Stepwise);
            return Relative(forward.At(new(images, targets)).Value, problem.Update(model.Layout, type));
        }), 0, Resolution(problem));
    }

    [Theory(SkipTestWithoutData = true), MemberData(nameof(Peers))]
    public void PeerProblemAsNetwork(string name)
    {
        using var _ = NewDisposeScope();
        using var problem = new PeerProblem(name);
        Assert.InRange(Report(name, "network", type =>
        {
            var model = problem.Model(type);
            var (images, targets) = problem.Truth(type);
            var logistic = problem.Loss == "logistic_mean";
            var training = new FedSgd { Mode = problem.Mode, Loss = logistic ? new BinaryCrossEntropy() : new CrossEntropy() };
            var linearization = training.Linearize(model, new(images, logistic ? (targets + 1) / 2 : targets));
            return Relative(linearization.Value, problem.Update(model.Layout, type));
        }), 0, Tolerance);
    }

    private static double Error(PyTorchProblem problem, VictimModel model, ScalarType type)
    {
        var (images, targets) = problem.Truth(type);
        return Relative(problem.Training.Linearize(model, new(images, targets)).Value, problem.Update(model.Layout, type));
    }

    /// <summary>
    /// A weight difference in single precision carries the rounding of the weights themselves, once for every local step: where
    /// weights are large and the update small, that is more than the tolerance, and no computation can agree better.
    /// </summary>
    private static double Resolution(PyTorchProblem problem)
    {
        if (problem.Training is not FedAvg training)
            return Tolerance;
        var model = problem.Model.Open(problem.Input, problem.Classes, new RandomSource(1), ScalarType.Float64, CPU);
        var weights = cat([.. model.Parameters.Select(parameter => parameter.reshape(-1))]).norm()
            / problem.Update(model.Layout, ScalarType.Float64).Flat.norm();
        var steps = -training.GradientFactor((int)problem.Truth(ScalarType.Float32).Images.shape[0]) / training.LearningRate;
        return Math.Max(Tolerance, Math.Sqrt(steps) * Math.Pow(2, -24) * weights.ToDouble());
    }

    private static double Report(string name, string how, Func<ScalarType, double> error)
    {
        var (single, twice) = (error(ScalarType.Float32), error(ScalarType.Float64));
        TestContext.Current.TestOutputHelper?.WriteLine($"{name} {how}: float32 {single:e1}, float64 {twice:e1}");
        return single;
    }

    private static double Relative(GradientSet found, GradientSet expected) =>
        ((found.Flat - expected.Flat).norm() / expected.Flat.norm()).ToDouble();
}
