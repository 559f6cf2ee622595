using Afterimage.Data;
using Afterimage.Numerics;

namespace Afterimage.Audit.Measurements.LabelTables;

/// <summary>What the table of label rules covers.</summary>
public sealed record LabelTableOptions
{
    public required string Folder { get; init; }

    public DataSource Data { get; init; } = new Cifar10();

    /// <summary>Weights of the trained ResNet-20; null leaves its rows out.</summary>
    public string? Weights { get; init; }

    public int Seeds { get; init; } = 20;

    /// <summary>From which the seeds of models and batches follow.</summary>
    public ulong Seed { get; init; }

    /// <summary>Names of the models; empty takes all.</summary>
    public ValueList<string> Models { get; init; } = [];

    public ValueList<int> Batches { get; init; } = [1, 8, 32, 128];

    /// <summary>Epochs of local training; 0 sends a gradient. Largest last, for one run of local steps gives them all.</summary>
    public ValueList<int> Epochs { get; init; } = [0, 1, 3];

    /// <summary>Whether results that the folder holds already are kept.</summary>
    public bool Resume { get; init; }
}
