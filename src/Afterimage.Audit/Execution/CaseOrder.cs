using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Measurements;

namespace Afterimage.Audit.Execution;

/// <summary>One case and how it is measured, as one line of JSON: what a child process or another machine is asked for.</summary>
public sealed record CaseOrder
{
    /// <summary>The experiment of this case alone.</summary>
    public required Experiment Configuration { get; init; }

    /// <summary>The batch, from 0.</summary>
    public required int Trial { get; init; }

    /// <summary>The values that tell the case from its siblings.</summary>
    public required ImmutableSortedDictionary<string, string> Axes { get; init; }

    /// <summary>What is measured.</summary>
    public required Measurement Measurement { get; init; }

    /// <summary>Device, operator, threads and folder.</summary>
    public required RunOptions Options { get; init; }

    /// <summary>
    /// The canonical JSON that names the case, where the configuration names files elsewhere than it did at first; null for its own.
    /// </summary>
    public string? Json { get; init; }

    /// <summary>The order for a case.</summary>
    public static CaseOrder For(Case one, Measurement measurement, RunOptions options, string? own) => new()
    {
        Configuration = one.Configuration,
        Trial = one.Trial,
        Axes = one.Axes,
        Measurement = measurement,
        Options = options,
        Json = own == one.Json ? null : one.Json,
    };

    /// <summary>The case that is ordered.</summary>
    public Case Case(ExperimentFile files) => new(Configuration, Trial, Axes, Json ?? files.Write(Configuration));
}

/// <summary>Orders as lines of JSON.</summary>
/// <param name="files">Reads experiments.</param>
public sealed class OrderText(ExperimentFile files)
{
    private readonly Catalog catalog =
        files.Catalog.With<Measurement, AttackAndJudge>().With<Measurement, LeakageMeasurement>().With<Measurement, LabelReading>()
            .With<Measurement, DefendMeasurement>();

    /// <summary>The line of an order.</summary>
    public string Write(CaseOrder order) => JsonNode.Parse(catalog.Write(order))!.ToJsonString();

    /// <summary>Reads a line, strictly.</summary>
    /// <exception cref="AfterimageException">The line is no order, or names a member or part that does not exist.</exception>
    public CaseOrder Read(string line) => catalog.Read<CaseOrder>(line, "The order for one case");
}
