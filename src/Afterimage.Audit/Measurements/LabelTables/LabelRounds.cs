using Afterimage.Compiled;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;

namespace Afterimage.Audit.Measurements.LabelTables;

/// <summary>
/// A client's updates without a graph of the whole round: one gradient, and weight differences after some epochs of plain SGD. The
/// same numbers as <see cref="FedSgd"/> and <see cref="FedAvg"/> give, for the price of their gradients.
/// </summary>
public sealed class LabelRounds(VictimModel model, ModelMode mode)
{
    private readonly bool compiled = mode == ModelMode.Eval && CompiledOperator.Obstacle(model) is null;

    /// <summary>The gradient of the mean loss.</summary>
    public GradientSet Gradient(Tensor images, Tensor targets) => new(model.Layout, Gradient(model.Parameters, images, targets));

    /// <summary>Weights after minus before, after each of some numbers of epochs in ascending order.</summary>
    public IEnumerable<GradientSet> Differences(Tensor images, Tensor targets, FedAvg training, IEnumerable<int> epochs)
    {
        var wanted = epochs.ToArray();
        var before = cat([.. model.Parameters.Select(parameter => parameter.detach().reshape(-1))]);
        var flat = before.clone();
        for (var epoch = 1; epoch <= wanted.LastOrDefault(); epoch++)
        {
            for (var from = 0L; from < images.shape[0]; from += training.BatchSize)
            {
                using var scope = Tidy.Scope();
                var count = Math.Min(training.BatchSize, images.shape[0] - from);
                var gradient = Gradient(Split(flat), images.narrow(0, from, count), targets.narrow(0, from, count));
                flat.add_(gradient, alpha: -training.LearningRate);
            }
            if (wanted.Contains(epoch))
                yield return new(model.Layout, flat - before);
        }
    }

    private Tensor Gradient(IReadOnlyList<Tensor> parameters, Tensor images, Tensor targets)
    {
        if (compiled)
        {
            using var scope = Tidy.Scope();
            using var moved = new NetworkModel(model.Network!, model.Normalization, [.. parameters.Select(parameter => parameter.detach().alias())],
                model.Buffers.ToDictionary(pair => pair.Key, pair => pair.Value.alias()));
            using var step = CompiledOperator.Of(moved, new CrossEntropy(), "");
            return step.At(new(images, targets)).Value.Flat.MoveToOuterDisposeScope();
        }
        return Tidy.Keep(() =>
        {
            Tensor[] leaves = [.. parameters.Select(parameter => parameter.detach().requires_grad_())];
            var loss = -(targets * nn.functional.log_softmax(model.Logits(images, mode, leaves), 1)).sum() / images.shape[0];
            return cat([.. Differentiate.Gradients(loss, leaves).Select(part => part.detach().reshape(-1))]);
        });
    }

    private Tensor[] Split(Tensor flat) =>
        [.. model.Layout.Entries.Select(entry => flat.narrow(0, entry.Offset, entry.Count).view(entry.Shape))];
}
