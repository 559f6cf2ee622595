using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

/// <summary>Updates that other programs computed.</summary>
internal static class Recorded
{
    public static Simulated PyTorch(string name) => Of(new PyTorchProblem(name));

    /// <summary>A problem of a network that people train.</summary>
    public static Simulated Field(string name) => Of(new PyTorchProblem(name, "field"));

    private static Simulated Of(PyTorchProblem problem)
    {
        var model = problem.Model.Open(problem.Input, problem.Classes, new(1), ScalarType.Float32, CPU);
        return Of(model, problem.Update(model.Layout, ScalarType.Float32), problem.Truth(ScalarType.Float32), problem.Training);
    }

    /// <summary>
    /// A problem of a published attack. Where that has one logit u and the logistic loss, it becomes the same problem with the two
    /// logits (u, 0) and the cross-entropy, whose head gradient is the one row and its negative.
    /// </summary>
    public static Simulated Peer(string name)
    {
        using var problem = new PeerProblem(name);
        var model = problem.Model(ScalarType.Float32);
        var update = problem.Update(model.Layout, ScalarType.Float32);
        var (images, targets) = problem.Truth(ScalarType.Float32);
        if (problem.Loss != "logistic_mean")
            return Of(model, update, (images, targets), new FedSgd());
        var layers = model.Network.Layers
            .Select(layer => layer is Linear { Output: 1 } head ? head with { Output = 2 } : layer).ToValueList();
        var network = model.Network with { Classes = 2, Layers = layers };
        var twice = new NetworkModel(network, model.Normalization,
            [.. model.Parameters.Select(parameter => parameter.shape is [1, _] ? cat([parameter, zeros_like(parameter)]) : parameter)], []);
        var parts = update.Split().Select(part => part.shape is [1, _] ? cat([part, -part]) : part);
        var gradient = GradientSet.Gather(twice.Layout, [.. parts]);
        return Of(twice, gradient, (images, cat([targets, -targets], 1)), new FedSgd());
    }

    private static Simulated Of(VictimModel model, GradientSet update, (Tensor Images, Tensor Targets) truth, LocalTraining training)
    {
        var labels = truth.Targets.argmax(1).data<long>().Select(label => (int)label).ToArray();
        return new(new()
        {
            Model = model,
            Observation = new() { Update = update, Training = training, BatchSize = labels.Length },
            Random = new(1),
        }, truth.Images, labels);
    }
}
