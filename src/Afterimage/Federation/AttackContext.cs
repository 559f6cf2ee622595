using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>What every part of an attack may use: the shared model, the observation, public knowledge, and a seed.</summary>
public sealed class AttackContext : IDisposable
{
    public required VictimModel Model { get; init; }

    public required Observation Observation { get; init; }

    public required RandomSource Random { get; init; }

    /// <summary>[B,C,H,W] of the batch that the attack looks for.</summary>
    public long[] ImagesShape => [Observation.BatchSize, Model.Input.Channels, Model.Input.Height, Model.Input.Width];

    /// <summary>A(x) and its products for a candidate batch, as the attacker simulates the client.</summary>
    public Linearization Linearize(Tensor images, Tensor targets) => Observation.Training.Linearize(Model, images, targets);

    /// <summary>The same context in another precision; the caller owns it.</summary>
    public AttackContext To(ScalarType type) => new()
    {
        Model = Model.To(type, Model.Device),
        Observation = Observation.To(type, Model.Device),
        Random = Random,
    };

    public void Dispose()
    {
        Model.Dispose();
        Observation.Dispose();
    }
}
