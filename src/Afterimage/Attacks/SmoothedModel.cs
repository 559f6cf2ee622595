using Afterimage.Federation;
using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// The attacked network with every ReLU smoothed, so that its gradient does not jump where activations switch; or with the same
/// function, of whose gates only the derivative is soft.
/// </summary>
internal static class SmoothedModel
{
    /// <summary>Whether a network has kinks that can be smoothed.</summary>
    public static bool Applies(VictimModel model) => model.Network is { } network && Any(network.Layers);

    /// <summary>The same round with a smoothed network; the caller owns context and model.</summary>
    public static (AttackContext Context, VictimModel Model) Of(AttackContext context, double sharpness, bool softGate = false)
    {
        using var scope = Tidy.Scope();
        var network = context.Model.Network!;
        var model = new NetworkModel(network with { Layers = Smoothed(network.Layers, softGate, sharpness) }, context.Model.Normalization,
            [.. context.Model.Parameters.Select(parameter => parameter.detach().clone())],
            context.Model.Buffers.ToDictionary(pair => pair.Key, pair => pair.Value.clone()));
        return (new()
        {
            Model = model,
            Observation = context.Observation,
            Random = context.Random,
            OperatorChoice = context.OperatorChoice,
            Workers = context.Workers,
        }, model);
    }

    private static bool Any(ValueList<Layer> layers) => layers.SelectMany(layer => layer.Within)
        .Any(layer => layer is Activation { Kind: ActivationKind.ReLU or ActivationKind.LeakyReLU });

    public static ValueList<Layer> Smoothed(ValueList<Layer> layers, bool softGate, double sharpness)
    {
        var kind = softGate ? ActivationKind.SoftGateLeakyReLU : ActivationKind.SoftLeakyReLU;
        return layers.Select(layer => layer switch
        {
            Activation { Kind: ActivationKind.ReLU } => new Activation(kind, 0, sharpness),
            Activation { Kind: ActivationKind.LeakyReLU } leaky => new Activation(kind, leaky.Slope, sharpness),
            Residual residual => residual with
            {
                Body = Smoothed(residual.Body, softGate, sharpness),
                Shortcut = Smoothed(residual.Shortcut, softGate, sharpness),
            },
            Concatenation joined => joined with { Parts = joined.Parts.Select(part => Smoothed(part, softGate, sharpness)).ToValueList() },
            Scaled scaled => scaled with { Factor = Smoothed(scaled.Factor, softGate, sharpness) },
            _ => layer,
        }).ToValueList();
    }
}
