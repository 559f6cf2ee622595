using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Afterimage.Reports;

/// <summary>What an audit found: plain data, the content of report.json. Documented in docs/report.md.</summary>
public sealed record AuditReport
{
    public const string CurrentSchema = "afterimage-report/1";

    public string Schema { get; init; } = CurrentSchema;

    /// <summary>Version of Afterimage that ran the audit.</summary>
    public required string Version { get; init; }

    public required string Title { get; init; }

    public required DateTimeOffset Started { get; init; }

    /// <summary>The experiment as canonical JSON: enough to run the audit again.</summary>
    public required string Experiment { get; init; }

    /// <summary>The command line that does it.</summary>
    public required string Command { get; init; }

    public required Machine Machine { get; init; }

    /// <summary>What leaked, in words.</summary>
    public required Verdict Verdict { get; init; }

    public ImmutableArray<CaseReport> Cases { get; init; } = [];

    /// <summary>Forecasts against attacks; absent with fewer than three cases that have both.</summary>
    public LeakageComparison? Comparison { get; init; }

    /// <summary>Doubts that only the cases together raise.</summary>
    public ImmutableArray<Finding> Findings { get; init; } = [];

    public ImmutableArray<Citation> Citations { get; init; } = [];
}

public sealed record Machine(string System, string Processor, int Cores, string Runtime, string Torch, string Device);

/// <param name="Level">How much came back.</param>
/// <param name="Sentence">One sentence for a reader who reads nothing else.</param>
public sealed record Verdict(LeakLevel Level, string Sentence);

public enum LeakLevel
{
    /// <summary>Nobody could judge: there was no truth to compare with.</summary>
    Unjudged,

    /// <summary>No better than what public images alone would give.</summary>
    Nothing,

    /// <summary>Better than the baselines, yet no image is recognizable.</summary>
    Traces,

    /// <summary>At least one image is recognizable.</summary>
    Recognizable,

    /// <summary>At least one image came back nearly pixel for pixel.</summary>
    Exact,

    /// <summary>The attack did not converge, so its failure says nothing about protection.</summary>
    Inconclusive,
}

/// <summary>One case: one client, one round, one attack.</summary>
public sealed record CaseReport
{
    /// <summary>SHA-256 of the canonical configuration, in hexadecimal.</summary>
    public required string Id { get; init; }

    public required string Name { get; init; }

    /// <summary>Values on the experiment's axes that this case stands for.</summary>
    public ImmutableSortedDictionary<string, string> Axes { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>The case as canonical JSON.</summary>
    public required string Configuration { get; init; }

    /// <summary>The composition as an equation.</summary>
    public required string Equation { get; init; }

    public required ulong Seed { get; init; }

    /// <summary>What the attacker knew, and from where.</summary>
    public ImmutableArray<Assumption> Assumptions { get; init; } = [];

    /// <summary>Converged, BudgetSpent, Diverged, Refused, Crashed or Canceled.</summary>
    public required string Outcome { get; init; }

    /// <summary>One sentence: what the outcome means and what to do.</summary>
    public required string Advice { get; init; }

    public required Verdict Verdict { get; init; }

    public required Cost Cost { get; init; }

    /// <summary>One sentence on how the forward operator was evaluated; null for attacks that do not.</summary>
    public string? Operator { get; init; }

    /// <summary>|A(x) - y| / |y| of the reconstruction: all that the attacker knows of its success.</summary>
    public double RelativeMisfit { get; init; }

    /// <summary>Fraction of labels that are right, as a multiset; null without the truth.</summary>
    public double? LabelAccuracy { get; init; }

    /// <summary>What the update says of the labels; null where the case ended before it was asked.</summary>
    public LabelReport? Labels { get; init; }

    public ImmutableArray<ImageReport> Images { get; init; } = [];

    /// <summary>For each metric by name, its spread over the images.</summary>
    public ImmutableSortedDictionary<string, Spread> Metrics { get; init; } = ImmutableSortedDictionary<string, Spread>.Empty;

    /// <summary>For each metric by name, what needs no gradient at all: the mean public image, the best of 100 public images.</summary>
    public ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, Spread>> Baselines { get; init; } =
        ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, Spread>>.Empty;

    /// <summary>Images among which the metric "rank" orders; 0 without the truth.</summary>
    public int Pool { get; init; }

    /// <summary>The objective over evaluations, one curve for each restart.</summary>
    public ImmutableArray<Curve> Curves { get; init; } = [];

    /// <summary>What the update tells at best; absent where it was not measured.</summary>
    public CaseLeakage? Leakage { get; init; }

    public ImmutableArray<Finding> Findings { get; init; } = [];

    /// <summary>Keys of the citations of what this case used.</summary>
    public ImmutableArray<string> Cites { get; init; } = [];
}

/// <param name="Topic">For example "labels".</param>
/// <param name="Knowledge">For example "recovered from the gradient of the last layer (iDLG)".</param>
/// <param name="Given">True when the threat model handed it over, false when the attack inferred it or did without.</param>
public sealed record Assumption(string Topic, string Knowledge, bool Given);

public sealed record Cost(int Evaluations, int Iterations, int Restarts, double Seconds, double CpuSeconds);

/// <summary>One image of the batch after one-to-one matching.</summary>
public sealed record ImageReport
{
    public required int Index { get; init; }

    public required string RecoveredLabel { get; init; }

    /// <summary>The attacker's confidence in that label, in [0,1].</summary>
    public required double Confidence { get; init; }

    public string? TrueLabel { get; init; }

    /// <summary>Metrics by name, for example psnr (decibels), ssim, mse; empty without the truth.</summary>
    public ImmutableSortedDictionary<string, double> Metrics { get; init; } = ImmutableSortedDictionary<string, double>.Empty;

    /// <summary>The same metrics of the baselines, by baseline name.</summary>
    public ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, double>> Baselines { get; init; } =
        ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, double>>.Empty;

    public Picture? Truth { get; init; }

    public required Picture Reconstruction { get; init; }

    /// <summary>The reconstruction on its way, from the start to the end.</summary>
    public ImmutableArray<PathStep> Path { get; init; } = [];
}

/// <param name="File">A PNG, relative to the report's folder.</param>
public sealed record Picture(string File, int Width, int Height);

public sealed record PathStep(int Iteration, Picture Picture);

public sealed record Spread(int Count, double Minimum, double Median, double Mean, double Maximum, double Deviation)
{
    public static Spread Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        if (sorted.Length == 0)
            throw new ArgumentException("A spread needs at least one value.", nameof(values));
        var mean = sorted.Average();
        var deviation = sorted.Length == 1 ? 0 : Math.Sqrt(sorted.Sum(value => (value - mean) * (value - mean)) / (sorted.Length - 1));
        var median = (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
        return new(sorted.Length, sorted[0], median, mean, sorted[^1], deviation);
    }
}

/// <param name="Name">For example "restart 1".</param>
public sealed record Curve(string Name, ImmutableArray<CurvePoint> Points);

/// <summary>In JSON the pair [evaluation, value].</summary>
[JsonConverter(typeof(CurvePointConverter))]
public readonly record struct CurvePoint(int Evaluation, double Value);

public enum Severity { Note, Warning, Leak }

/// <param name="Text">One sentence.</param>
public sealed record Finding(Severity Severity, string Text);

/// <param name="Text">Authors, title, venue and year.</param>
public sealed record Citation(string Key, string Text, string? Url = null);
