using System.Collections.Immutable;
using System.Text.Json.Nodes;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Measurements;

namespace Afterimage.Audit.Execution;

/// <summary>What a child process is asked for, as one line of JSON.</summary>
internal sealed record CaseOrder
{
    public required Experiment Configuration { get; init; }

    public required int Trial { get; init; }

    public required ImmutableSortedDictionary<string, string> Axes { get; init; }

    public required Measurement Measurement { get; init; }

    public required RunOptions Options { get; init; }

    public string Write(ExperimentFile files) => JsonNode.Parse(Catalog(files).Write(this))!.ToJsonString();

    /// <exception cref="AfterimageException">The line is no order.</exception>
    public static CaseOrder Read(ExperimentFile files, string line) => Catalog(files).Read<CaseOrder>(line, "The order for one case");

    public Case Case(ExperimentFile files) => new(Configuration, Trial, Axes, files.Write(Configuration));

    private static Catalog Catalog(ExperimentFile files) =>
        files.Catalog.With<Measurement, AttackAndJudge>().With<Measurement, LeakageMeasurement>().With<Measurement, LabelReading>()
            .With<Measurement, DefendMeasurement>();
}
