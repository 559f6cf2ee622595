namespace Afterimage.Models;

/// <summary>
/// Inputs of layers in one forward pass. The tensors are part of the pass's graph and live in the scope of its caller.
/// </summary>
public sealed class Trace
{
    private readonly List<(BatchNorm2d Layer, Tensor Input)> normalized = [];

    /// <summary>Every BatchNorm layer with its input [B,C,H,W], in the order of the pass.</summary>
    public IReadOnlyList<(BatchNorm2d Layer, Tensor Input)> Normalized => normalized;

    /// <summary>The input of the last linear layer, [B,features]; null where the network has none.</summary>
    public Tensor? Features { get; private set; }

    internal void See(Layer layer, Tensor input)
    {
        if (layer is BatchNorm2d norm)
            normalized.Add((norm, input));
        else if (layer is Linear)
            Features = input;
    }
}
