using System.Diagnostics.CodeAnalysis;
using Afterimage.Data;
using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>What every part of an attack may use: the shared model, the observation, public knowledge, and a seed.</summary>
public sealed class AttackContext : IDisposable
{
    private readonly Lazy<ForwardOperator> forward;
    private readonly Func<AttackContext, ForwardOperator>? other;
    private readonly Dictionary<Type, object> once = [];
    private bool ownsModel, borrows;

    /// <summary>Makes the context of one attack; its owner disposes it.</summary>
    public AttackContext()
        : this((Func<AttackContext, ForwardOperator>?)null)
    {
    }

    /// <summary>The context of a search whose observation is no update but something else that an operator makes of images.</summary>
    /// <param name="make">The operator for a context, once for every precision; null is that of the round.</param>
    internal AttackContext(Func<AttackContext, ForwardOperator>? make) => (other, forward) = (make, new(() => make is not null ? make(this)
        : Observation!.Later is { } later ? StackedOperator.Of(this, later) : Observation.Channel.Behind(
            Observation.Training.Operator(Model!, Observation.BatchSize, OperatorChoice))));

    [SetsRequiredMembers]
    private AttackContext(AttackContext whole)
    {
        (Model, Observation, Random, OperatorChoice) = (whole.Model, whole.Observation, whole.Random, whole.OperatorChoice);
        (Workers, forward, once, PublicImages, borrows) = (whole.Workers, whole.forward, whole.once, whole.PublicImages, true);
        (Watch, other) = (whole.Watch, whole.other);
    }

    /// <summary>The shared model before the round.</summary>
    public required VictimModel Model { get; init; }

    /// <summary>What the attacker sees of the round.</summary>
    public required Observation Observation { get; init; }

    /// <summary>Where the attack's random numbers come from.</summary>
    public required RandomSource Random { get; init; }

    /// <summary>How the operator is to be evaluated.</summary>
    public OperatorChoice OperatorChoice { get; init; }

    /// <summary>Threads that an attack may use at once; its numbers do not depend on it.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>Wall time that one run of an attack may take, in seconds; null for as long as it takes.</summary>
    public double? Seconds { get; init; }

    /// <summary>Public images of the model's input shape that an attacker may learn from; null where none are at hand.</summary>
    public ImageSet? PublicImages { get; init; }

    /// <summary>Told what is being worked at; thread-safe. Null where nobody looks on.</summary>
    public Action<Phase>? Watch { get; init; }

    /// <summary>The operator of this round, the channel's map behind it, made when first asked for and owned by this context.</summary>
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

    /// <summary>The update that a client with this batch would send, to compare with the observed one.</summary>
    /// <param name="images">In [0,1], shape [B,C,H,W], in any precision.</param>
    /// <param name="labels">In the order of the images.</param>
    public GradientSet Predict(Tensor images, Labels labels)
    {
        var batch = new Batch(images.to(Model.Type).to(Model.Device), labels.Targets(Model.Classes, Model.Type, Model.Device));
        // A closed form needs one evaluation only, which is worth neither choosing an operator nor a graph of its derivatives.
        if (forward.IsValueCreated || other is not null || Observation.Later is not null)
            return Operator.At(batch).Value;
        var sent = Observation.Training.Evaluate(Model, batch);
        return Observation.Channel.At(sent)?.Value ?? sent;
    }

    /// <summary>The same context, with other time; operator and what parts worked out are shared, and this one stays their owner.</summary>
    public AttackContext Within(double? seconds) => new(this) { Seconds = seconds };

    /// <summary>The same context, with somebody else who looks on.</summary>
    public AttackContext Watched(Action<Phase>? watch) => new(this) { Seconds = Seconds, Watch = watch };

    /// <summary>The same context for a part of the work, whose phases are told under its name.</summary>
    public AttackContext Part(string name) => Watched(Watch is { } watch ? phase => watch(phase.In(name)) : null);

    /// <summary>Tells what is being worked at.</summary>
    public void Say(string name) => Watch?.Invoke(new(name));

    /// <summary>Tells how far a phase is whose units are counted.</summary>
    public void Say(string name, long done, long of, string unit) => Watch?.Invoke(new(name, done, of, unit));

    /// <summary>The same context in another precision; the caller owns it.</summary>
    public AttackContext To(ScalarType type) => new(other)
    {
        Model = Model.To(type, Model.Device),
        Observation = Observation.To(type, Model.Device),
        Random = Random,
        OperatorChoice = OperatorChoice,
        Workers = Workers,
        Seconds = Seconds,
        PublicImages = PublicImages,
        Watch = Watch,
        ownsModel = true,
    };

    /// <summary>Disposes of the operator, and of model and observation where they are copies made by <see cref="To"/>.</summary>
    public void Dispose()
    {
        if (borrows)
            return;
        if (forward.IsValueCreated)
            forward.Value.Dispose();
        if (!ownsModel)
            return;
        Model.Dispose();
        Observation.Dispose();
    }
}
