using Afterimage.Attacks;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Threats;
using Afterimage.Models;
using Afterimage.Numerics;

namespace Afterimage.Audit.Cases;

/// <summary>An audit as data: who trains what on which images, what the attacker knows, how it attacks, and what varies.</summary>
public sealed record Experiment
{
    /// <summary>What reports call the audit.</summary>
    public string Title { get; init; } = "Audit";

    /// <summary>The shared model that the client trains and the attacker knows.</summary>
    public ModelSource Model { get; init; } = new LeNet();

    /// <summary>Where the update comes from.</summary>
    public ClientSource Client { get; init; } = new SimulatedClient();

    /// <summary>What the attacker knows of the client's round.</summary>
    public ThreatModel Threat { get; init; } = new();

    /// <summary>How the attacker reconstructs the batch.</summary>
    public Attack Attack { get; init; } = new Best();

    /// <summary>
    /// Wall time of the attack on one case in seconds; 0 sets no limit. Null takes the attack's own: for best 300, 60 more
    /// for every further image of the batch and 600 at most, and no limit for others.
    /// </summary>
    [Range(0, 1e9)]
    public double? Budget { get; init; }

    /// <summary>The federation whose model the client's update is of, for `afterimage defend`; null for the model as it is.</summary>
    public FederationSettings? Federation { get; init; }

    /// <summary>All random choices follow from it.</summary>
    public ulong Seed { get; init; }

    /// <summary>Independent batches for every combination of the axes.</summary>
    [Range(1, 100_000)]
    public int Trials { get; init; } = 1;

    /// <summary>Axes of a sweep; cases are their product.</summary>
    public ValueList<Axis> Vary { get; init; } = [];

    /// <summary>
    /// Cases beside the product of the axes, each by its settings; where there are no axes, these are all cases. Null lists none.
    /// </summary>
    public ValueList<ValueList<Setting>>? Cases { get; init; }
}

/// <summary>One setting of an experiment that takes several values.</summary>
/// <param name="Pointer">A JSON pointer into the experiment, for example "/client/batchSize".</param>
/// <param name="Values">The values it takes, as JSON.</param>
public sealed record Axis(string Pointer, ValueList<System.Text.Json.Nodes.JsonNode?> Values)
{
    /// <inheritdoc/>
    public bool Equals(Axis? other) => other is not null && Pointer == other.Pointer && Values.Count == other.Values.Count
        && Values.Zip(other.Values).All(pair => System.Text.Json.Nodes.JsonNode.DeepEquals(pair.First, pair.Second));

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Pointer, Values.Count);
}
