using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Afterimage.Reports.Conclusions;

namespace Afterimage.Reports;

/// <summary>The results of an audit as plain data, the content of report.json. Documented in docs/report.md.</summary>
public sealed record AuditReport
{
    /// <summary>The schema that this version writes and reads.</summary>
    public const string CurrentSchema = "afterimage-report/1";

    /// <summary>The schema of this report.</summary>
    public string Schema { get; init; } = CurrentSchema;

    /// <summary>Version of Afterimage that ran the audit.</summary>
    public required string Version { get; init; }

    /// <summary>The experiment's title.</summary>
    public required string Title { get; init; }

    /// <summary>When the audit began.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary>The experiment as canonical JSON, which is enough to run the audit again.</summary>
    public required string Experiment { get; init; }

    /// <summary>The command line that runs the audit again.</summary>
    public required string Command { get; init; }

    /// <summary>Where the audit ran.</summary>
    public required Machine Machine { get; init; }

    /// <summary>What leaked, in words.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>What the verdict rests on: the grounds of the case that leaked most; null where nothing was attacked.</summary>
    public Grounds? Grounds { get; init; }

    /// <summary>The results of each case, in the order of the experiment.</summary>
    public ImmutableArray<CaseReport> Cases { get; init; } = [];

    /// <summary>How forecasts compare with attacks; null with fewer than three cases that have both.</summary>
    public LeakageComparison? Comparison { get; init; }

    /// <summary>How often each setting reaches a threshold; empty with fewer than five images of a setting.</summary>
    public ImmutableArray<SuccessCurve> Success { get; init; } = [];

    /// <summary>Values of one axis compared on the same images; empty where no images are shared.</summary>
    public ImmutableArray<PairedComparison> Pairs { get; init; } = [];

    /// <summary>Defenses beside one another; null where no federation was trained.</summary>
    public Frontier? Frontier { get; init; }

    /// <summary>Findings that need more than one case, such as a missing spread over seeds.</summary>
    public ImmutableArray<Finding> Findings { get; init; } = [];

    /// <summary>The papers behind everything that was used.</summary>
    public ImmutableArray<Citation> Citations { get; init; } = [];
}

/// <summary>Where an audit ran.</summary>
/// <param name="System">Operating system.</param>
/// <param name="Processor">Model of the processor.</param>
/// <param name="Cores">Logical cores.</param>
/// <param name="Runtime">.NET version.</param>
/// <param name="Torch">libtorch version.</param>
/// <param name="Device">cpu or cuda.</param>
public sealed record Machine(string System, string Processor, int Cores, string Runtime, string Torch, string Device);

/// <summary>The conclusion on a case or an audit.</summary>
/// <param name="Level">How much was reconstructed.</param>
/// <param name="Sentence">One sentence for a reader who reads nothing else.</param>
public sealed record Verdict(LeakLevel Level, string Sentence);

/// <summary>How much of the private images was reconstructed.</summary>
public enum LeakLevel
{
    /// <summary>Unknown, because there were no true images to compare with.</summary>
    Unjudged,

    /// <summary>No better than the baselines, which need no update.</summary>
    Nothing,

    /// <summary>Better than the baselines, yet no image is recognizable.</summary>
    Traces,

    /// <summary>At least one image is recognizable.</summary>
    Recognizable,

    /// <summary>At least one image is nearly equal to the true one, pixel for pixel.</summary>
    Exact,

    /// <summary>The attack did not converge, so its failure says nothing about protection.</summary>
    Inconclusive,
}

/// <summary>One case: one client, one round, one attack.</summary>
public sealed record CaseReport
{
    /// <summary>SHA-256 of the canonical configuration, in hexadecimal.</summary>
    public required string Id { get; init; }

    /// <summary>Its name for people.</summary>
    public required string Name { get; init; }

    /// <summary>This case's values on the axes of the experiment, by JSON pointer.</summary>
    public ImmutableSortedDictionary<string, string> Axes { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>The case as canonical JSON.</summary>
    public required string Configuration { get; init; }

    /// <summary>What the attack minimizes or solves, as an equation.</summary>
    public required string Equation { get; init; }

    /// <summary>Seed of everything that is random in the case.</summary>
    public required ulong Seed { get; init; }

    /// <summary>What the attacker knew, and from where.</summary>
    public ImmutableArray<Assumption> Assumptions { get; init; } = [];

    /// <summary>What the result assumes, as tags; null where the round was not opened.</summary>
    public ThreatTags? Threat { get; init; }

    /// <summary>Converged, BudgetSpent, Diverged, Refused, Crashed or Canceled.</summary>
    public required string Outcome { get; init; }

    /// <summary>The outcome in words for people: "Did not converge" for BudgetSpent.</summary>
    [JsonIgnore]
    public string Ending => Outcome switch
    {
        "BudgetSpent" => "Did not converge",
        "Canceled" => "Stopped",
        _ => Outcome,
    };

    /// <summary>One sentence: what the outcome means and what to do.</summary>
    public required string Advice { get; init; }

    /// <summary>The conclusion.</summary>
    public required Verdict Verdict { get; init; }

    /// <summary>What the conclusion rests on, and what would change it; null where nothing was attacked.</summary>
    public Grounds? Grounds { get; init; }

    /// <summary>How the model was trained, and what each round gave away; null where one update of one model was attacked.</summary>
    public FederationReport? Federation { get; init; }

    /// <summary>What the attack cost.</summary>
    public required Cost Cost { get; init; }

    /// <summary>One sentence on how the forward operator was evaluated; null for attacks that do not evaluate it.</summary>
    public string? Operator { get; init; }

    /// <summary>|A(x) - y| / |y| of the reconstruction x, the only measure of success that an attacker has.</summary>
    public double RelativeMisfit { get; init; }

    /// <summary>Fraction of the labels, as a multiset, that are right; null without the truth.</summary>
    public double? LabelAccuracy { get; init; }

    /// <summary>The labels as recovered from the update; null where the case ended earlier.</summary>
    public LabelReport? Labels { get; init; }

    /// <summary>The images of the batch; empty where nothing was reconstructed.</summary>
    public ImmutableArray<ImageReport> Images { get; init; } = [];

    /// <summary>For each metric by name, its spread over the images.</summary>
    public ImmutableSortedDictionary<string, Spread> Metrics { get; init; } = ImmutableSortedDictionary<string, Spread>.Empty;

    /// <summary>
    /// The same for baselines that need no update, by metric and baseline: the mean public image, the best of 100 public images.
    /// </summary>
    public ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, Spread>> Baselines { get; init; } =
        ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, Spread>>.Empty;

    /// <summary>How often the true image was the nearest of the pool; null without the truth.</summary>
    public IdentificationRate? Identification { get; init; }

    /// <summary>Size of the pool in which the metric "rank" places the true image; 0 without the truth.</summary>
    public int Pool { get; init; }

    /// <summary>The objective over evaluations, one curve for each restart.</summary>
    public ImmutableArray<Curve> Curves { get; init; } = [];

    /// <summary>The leakage analysis of the update; null where it was not made.</summary>
    public CaseLeakage? Leakage { get; init; }

    /// <summary>Remarks on the case that a reader must know.</summary>
    public ImmutableArray<Finding> Findings { get; init; } = [];

    /// <summary>Keys of the citations of what this case used.</summary>
    public ImmutableArray<string> Cites { get; init; } = [];
}

/// <summary>Something that the attacker knew.</summary>
/// <param name="Topic">For example "labels".</param>
/// <param name="Knowledge">For example "recovered from the gradient of the last layer (iDLG)".</param>
/// <param name="Given">Whether the threat model revealed it; otherwise the attack inferred it or did without.</param>
public sealed record Assumption(string Topic, string Knowledge, bool Given);

/// <summary>What an attack cost.</summary>
/// <param name="Evaluations">Evaluations of the objective, all restarts together.</param>
/// <param name="Iterations">Iterations, all restarts together.</param>
/// <param name="Restarts">Restarts.</param>
/// <param name="Seconds">Wall-clock time.</param>
/// <param name="CpuSeconds">Processor time, all threads together.</param>
public sealed record Cost(int Evaluations, int Iterations, int Restarts, double Seconds, double CpuSeconds);

/// <summary>One image of the batch, after reconstructions and true images were matched one to one.</summary>
public sealed record ImageReport
{
    /// <summary>Its place in the batch, from 0.</summary>
    public required int Index { get; init; }

    /// <summary>The name of the recovered class.</summary>
    public required string RecoveredLabel { get; init; }

    /// <summary>The attacker's probability that the label is right, in [0,1].</summary>
    public required double Confidence { get; init; }

    /// <summary>The name of the true class; null without the truth.</summary>
    public string? TrueLabel { get; init; }

    /// <summary>How much of this image came back; null without the truth.</summary>
    public LeakLevel? Level { get; init; }

    /// <summary>Metrics by name, such as psnr (in dB), ssim and mse; empty without the truth.</summary>
    public ImmutableSortedDictionary<string, double> Metrics { get; init; } = ImmutableSortedDictionary<string, double>.Empty;

    /// <summary>The same metrics of the baselines, by baseline name.</summary>
    public ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, double>> Baselines { get; init; } =
        ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, double>>.Empty;

    /// <summary>The true image; null without the truth.</summary>
    public Picture? Truth { get; init; }

    /// <summary>The reconstructed image.</summary>
    public required Picture Reconstruction { get; init; }

    /// <summary>The reconstruction at some iterations, from the first to the last.</summary>
    public ImmutableArray<PathStep> Path { get; init; } = [];
}

/// <summary>A picture on disk.</summary>
/// <param name="File">A PNG, relative to the report's folder.</param>
/// <param name="Width">Width in pixels.</param>
/// <param name="Height">Height in pixels.</param>
public sealed record Picture(string File, int Width, int Height);

/// <summary>A reconstruction during the search.</summary>
/// <param name="Iteration">The iteration.</param>
/// <param name="Picture">The image at this iteration.</param>
public sealed record PathStep(int Iteration, Picture Picture);

/// <summary>Statistics of one metric over several images.</summary>
/// <param name="Count">How many images.</param>
/// <param name="Minimum">The smallest value.</param>
/// <param name="Median">The median.</param>
/// <param name="Mean">The mean.</param>
/// <param name="Maximum">The largest value.</param>
/// <param name="Deviation">The sample standard deviation; 0 for a single image.</param>
public sealed record Spread(int Count, double Minimum, double Median, double Mean, double Maximum, double Deviation)
{
    /// <summary>The statistics of one or more values.</summary>
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

/// <summary>The objective of one restart.</summary>
/// <param name="Name">For example "restart 1".</param>
/// <param name="Points">In the order of evaluations.</param>
public sealed record Curve(string Name, ImmutableArray<CurvePoint> Points);

/// <summary>One point of a curve; in JSON the pair [evaluation, value].</summary>
/// <param name="Evaluation">The evaluation, counted over the whole case.</param>
/// <param name="Value">The objective.</param>
[JsonConverter(typeof(CurvePointConverter))]
public readonly record struct CurvePoint(int Evaluation, double Value);

/// <summary>How much a finding matters.</summary>
public enum Severity
{
    /// <summary>For information.</summary>
    Note,

    /// <summary>Makes the results doubtful.</summary>
    Warning,

    /// <summary>Private data was reconstructed.</summary>
    Leak,
}

/// <summary>A remark on the results.</summary>
/// <param name="Severity">How much it matters.</param>
/// <param name="Text">One sentence.</param>
public sealed record Finding(Severity Severity, string Text);

/// <summary>A paper.</summary>
/// <param name="Key">Its BibTeX key.</param>
/// <param name="Text">Authors, title, venue and year.</param>
/// <param name="Url">Where it can be read.</param>
public sealed record Citation(string Key, string Text, string? Url = null);
