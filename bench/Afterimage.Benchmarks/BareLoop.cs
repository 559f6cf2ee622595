using Afterimage.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Benchmarks;

/// <summary>
/// The reference: the fewest libtorch calls for one evaluation of the published attack. Forward, gradient with its graph,
/// squared Euclidean distance to the observed gradient, gradient of that for the images.
/// </summary>
internal sealed class BareLoop(VictimModel model, Tensor images, Tensor targets, Tensor observed) : IDisposable
{
    private readonly Tensor images = images.detach().clone().requires_grad_();
    private readonly Tensor[] parameters = [.. model.Parameters];
    private readonly Tensor[] parts = [.. model.Layout.Entries.Select(entry =>
        observed.narrow(0, entry.Offset, entry.Count).view(entry.Shape).clone())];

    public void Evaluate()
    {
        using var _ = NewDisposeScope();
        var gradients = autograd.grad([Loss()], parameters, retain_graph: true, create_graph: true);
        var distance = (gradients[0] - parts[0]).pow(2).sum();
        for (var i = 1; i < parts.Length; i++)
            distance += (gradients[i] - parts[i]).pow(2).sum();
        autograd.grad([distance], [images]);
    }

    /// <summary>One forward and one backward pass: the gradient alone.</summary>
    public void Gradient()
    {
        using var _ = NewDisposeScope();
        autograd.grad([Loss()], parameters);
    }

    private Tensor Loss() => -(targets * nn.functional.log_softmax(model.Logits(images), 1)).sum() / targets.shape[0];

    public void Dispose()
    {
        images.Dispose();
        foreach (var part in parts)
            part.Dispose();
    }
}
