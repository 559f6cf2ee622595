using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Federation;

/// <summary>
/// A client as anybody would write it: modules in their mode, an optimizer of the library, a loop. It shares no code with the operator.
/// </summary>
internal sealed class NaiveClient : IDisposable
{
    private readonly TorchSharp.Modules.Sequential modules;

    public NaiveClient(double dropout = 0)
    {
        random.manual_seed(3);
        modules = nn.Sequential(
            ("conv", nn.Conv2d(2, 4, 3, padding: 1)), ("bn", nn.BatchNorm2d(4)), ("act", nn.ReLU()),
            ("pool", nn.AvgPool2d(2, 2)), ("flatten", nn.Flatten()), ("fc", nn.Linear(36, 5)));
        modules.to(ScalarType.Float64);
        using var _ = no_grad();
        foreach (var (name, parameter) in modules.named_parameters())
            parameter.copy_(randn(parameter.shape, ScalarType.Float64) * 0.3 + (name == "bn.weight" ? 1 : 0));
        foreach (var (name, buffer) in modules.named_buffers().Where(pair => pair.buffer.dtype == ScalarType.Float64))
            buffer.copy_(rand(buffer.shape, ScalarType.Float64) + (name == "bn.running_var" ? 0.5 : 0));
        Layer[] drop = dropout == 0 ? [] : [new Dropout("drop", dropout)];
        var network = new Network(new(2, 6, 6), 5,
        [
            new Conv2d("conv", 2, 4, 3, Padding: 1), new BatchNorm2d("bn", 4), new Activation(ActivationKind.ReLU), new AvgPool2d(2, 2),
            new Flatten(), .. drop, new Linear("fc", 36, 5),
        ]);
        var buffers = modules.named_buffers().ToDictionary(pair => pair.name, pair => pair.buffer.clone());
        Model = new NetworkModel(network, Normalization.None(2), [.. modules.parameters().Select(parameter => parameter.detach().clone())],
            network.Buffers.ToDictionary(spec => spec.Name, spec => buffers[spec.Name]));
    }

    public NetworkModel Model { get; }

    public static (Tensor Images, Tensor Targets, long[] Labels) Batch(int count)
    {
        random.manual_seed(8);
        var labels = Enumerable.Range(0, count).Select(i => (long)(3 * i % 5)).ToArray();
        return (rand([count, 2, 6, 6], ScalarType.Float64), nn.functional.one_hot(tensor(labels), 5).to(ScalarType.Float64), labels);
    }

    /// <summary>Weights after minus weights before, flat.</summary>
    public Tensor Train(FedAvg training, Tensor images, long[] labels, int[][]? orders = null)
    {
        modules.train(training.Mode == ModelMode.Train);
        var weights = modules.parameters().ToArray();
        var before = cat([.. weights.Select(weight => weight.detach().reshape(-1))]).clone();
        optim.Optimizer optimizer = training.Optimizer switch
        {
            Afterimage.Federation.Sgd sgd => optim.SGD(
                weights, training.LearningRate, sgd.Momentum, weight_decay: sgd.WeightDecay, nesterov: sgd.Nesterov),
            Afterimage.Federation.AdamW adam => optim.AdamW(
                weights, training.LearningRate, adam.Beta1, adam.Beta2, adam.Epsilon, adam.WeightDecay),
            _ => throw new InvalidOperationException(),
        };
        for (var epoch = 0; epoch < training.Epochs; epoch++)
        {
            var order = orders?[epoch] ?? [.. Enumerable.Range(0, labels.Length)];
            foreach (var step in order.Chunk(training.BatchSize))
            {
                var rows = tensor(step.Select(row => (long)row).ToArray());
                optimizer.zero_grad();
                nn.functional.cross_entropy(modules.call(images[rows]), tensor(labels)[rows]).backward();
                optimizer.step();
            }
        }
        return cat([.. weights.Select(weight => weight.detach().reshape(-1))]) - before;
    }

    public void Dispose()
    {
        Model.Dispose();
        modules.Dispose();
    }
}
