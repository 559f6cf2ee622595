using Afterimage.Data;
using Afterimage.Numerics;

namespace Afterimage.Audit.Measurements.LabelTables;

/// <summary>What the table of label rules covers.</summary>
public sealed record LabelTableOptions
{
    /// <summary>Where results are kept.</summary>
    public required string Folder { get; init; }

    /// <summary>The data set that batches are drawn from.</summary>
    public DataSource Data { get; init; } = new Cifar10();

    /// <summary>Weights of the trained ResNet-20; null leaves its rows out.</summary>
    public string? Weights { get; init; }

    /// <summary>Number of seeds for every cell of the table.</summary>
    public int Seeds { get; init; } = 20;

    /// <summary>From which the seeds of models and batches follow.</summary>
    public ulong Seed { get; init; }

    /// <summary>Names of the models; empty takes all.</summary>
    public ValueList<string> Models { get; init; } = [];

    /// <summary>Batch sizes.</summary>
    public ValueList<int> Batches { get; init; } = [1, 8, 32, 128];

    /// <summary>Epochs of local training; 0 sends a gradient. Largest last, for one run of local steps gives them all.</summary>
    public ValueList<int> Epochs { get; init; } = [0, 1, 3];

    /// <summary>Whether results that the folder holds already are kept.</summary>
    public bool Resume { get; init; }
}
