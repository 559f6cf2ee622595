using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>What every part of an attack may use: the shared model, the observation, public knowledge, and a seed.</summary>
public sealed class AttackContext : IDisposable
{
    private readonly Lazy<ForwardOperator> forward;
    private readonly Dictionary<Type, object> once = [];
    private bool ownsModel;

    public AttackContext() => forward = new(() => Observation!.Training.Operator(Model!, Observation.BatchSize, OperatorChoice));

    public required VictimModel Model { get; init; }

    public required Observation Observation { get; init; }

    public required RandomSource Random { get; init; }

    /// <summary>How the operator is to be evaluated.</summary>
    public OperatorChoice OperatorChoice { get; init; }

    /// <summary>Threads that an attack may use at once; its numbers do not depend on it.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>The operator of this round, made when first asked for and owned by this context.</summary>
    public ForwardOperator Operator => forward.Value;

    /// <summary>[B,C,H,W] of the batch that the attack looks for.</summary>
    public long[] ImagesShape => [Observation.BatchSize, Model.Input.Channels, Model.Input.Height, Model.Input.Width];

    /// <summary>What several parts work out from the same observation, made when first asked for; it holds no tensors.</summary>
    internal T Once<T>(Func<AttackContext, T> make) where T : class
    {
        if (!once.TryGetValue(typeof(T), out var found))
            once.Add(typeof(T), found = make(this));
        return (T)found;
    }

    /// <summary>The same context in another precision; the caller owns it.</summary>
    public AttackContext To(ScalarType type) => new()
    {
        Model = Model.To(type, Model.Device),
        Observation = Observation.To(type, Model.Device),
        Random = Random,
        OperatorChoice = OperatorChoice,
        Workers = Workers,
        ownsModel = true,
    };

    /// <summary>Disposes of the operator, and of model and observation where they are copies made by <see cref="To"/>.</summary>
    public void Dispose()
    {
        if (forward.IsValueCreated)
            forward.Value.Dispose();
        if (!ownsModel)
            return;
        Model.Dispose();
        Observation.Dispose();
    }
}
