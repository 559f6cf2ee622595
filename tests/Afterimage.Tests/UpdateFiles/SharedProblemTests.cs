using Afterimage.UpdateFiles;
using Afterimage.Federation;
using Afterimage.Numerics;
using TorchSharp;

namespace Afterimage.Tests.Federation;

/// <summary>Every problem that real PyTorch code made can be read.</summary>
public class SharedProblemTests
{
    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(PytorchProblem.Names), MemberType = typeof(PytorchProblem))]
    public void Updates_of_PyTorch_clients_are_read(string name)
    {
        var problem = PytorchProblem.Load(name);
        var (batch, input) = (problem.Description.BatchSize!.Value, problem.Description.Input!.Value);
        using var gradient = problem.Gradient(torch.ScalarType.Float64);
        Assert.Equal(problem.Update.Content.Arrays.Sum(array => array.Count), gradient.Layout.Count);
        Assert.InRange(gradient.Norm(), 1e-8, 1e4);
        Assert.Equal((ValueList<long>)[batch, input.Channels, input.Height, input.Width], problem.Images.Shape);
        Assert.All(problem.Images.ToSingle(), value => Assert.InRange(value, 0f, 1f));
        Assert.Equal(batch, problem.Labels.Count);
        Assert.All(problem.Labels, label => Assert.InRange(label, 0, problem.Description.Classes!.Value - 1));
        Assert.True(File.Exists(problem.ModelPath));
        Assert.Equal(name.Contains("fedavg", StringComparison.Ordinal), problem.Description.Training is FedAvg);
        Assert.Equal(problem.Description, UpdateDescription.Parse(problem.Description.ToJson(), "side-car"));
    }

    [Theory(SkipTestWithoutData = true)]
    [MemberData(nameof(PeerProblem.Names), MemberType = typeof(PeerProblem))]
    public void Problems_of_published_attacks_are_read_and_their_gradients_reproduced(string name)
    {
        var problem = PeerProblem.Load(name);
        Assert.Equal(problem.Network.Parameters.Select(spec => (spec.Name, spec.Shape)),
            problem.Parameters.Select(array => (array.Name, array.Shape)));
        Assert.Equal(problem.Network.Buffers.Select(spec => (spec.Name, spec.Shape)),
            problem.Buffers.Select(array => (array.Name, array.Shape)));
        Assert.Equal(problem.Images.Shape[0], problem.Labels.Count);
        using var scope = torch.NewDisposeScope();
        using var model = problem.Model(torch.ScalarType.Float64);
        var images = problem.Images.ToTensor(torch.ScalarType.Float64, torch.CPU);
        using var gradient = problem.Gradient(torch.ScalarType.Float64);
        if (problem.Loss == "logistic_mean")
            return;
        var targets = problem.SoftLabels?.ToTensor(torch.ScalarType.Float64, torch.CPU)
            ?? new Labels(problem.Labels, default).Targets(problem.Network.Classes, torch.ScalarType.Float64, torch.CPU);
        using var predicted = new FedSgd { Mode = problem.Mode }.Linearize(model, new(images, targets)).Value;
        Assert.InRange((predicted.Flat - gradient.Flat).norm().item<double>() / gradient.Norm(), 0, 1e-5);
    }
}
