using System.Collections.Immutable;
using Afterimage.Reports;

namespace Afterimage.Tests.Cli;

/// <summary>Reports and events of invented audits.</summary>
internal static class Audits
{
    private const string LongName =
        "batchSize 2, labels recovered, a name that is much too long for any terminal of eighty columns";

    private static readonly string[] Baselines = ["best of 100 public images", "gray image", "mean of the public images"];

    /// <param name="ssim">One image for each value.</param>
    public static CaseReport Case(string name, params double[] ssim)
    {
        var images = ssim.Select((value, i) => new ImageReport
        {
            Index = i,
            RecoveredLabel = i == 1 ? "a deciduous broadleaf tree" : "cat",
            Confidence = 1,
            TrueLabel = "cat",
            Metrics = Metrics(20 + 30 * value, value),
            Baselines = Baselines.ToImmutableSortedDictionary(baseline => baseline, _ => Metrics(12.3, 0.187)),
            Reconstruction = new("images/none.png", 32, 32),
        }).ToImmutableArray();
        return new()
        {
            Id = name,
            Name = name,
            Configuration = "{}",
            Equation = "min over x",
            Seed = 0,
            Assumptions = [new("labels", "recovered from the gradient of the last layer, by the sign of the bias gradient (iDLG)", false)],
            Outcome = "Converged",
            Advice = "The reconstruction explains the update.",
            Verdict = new(LeakLevel.Recognizable, "It leaks."),
            Cost = new(1234, 600, 2, 12.5, 12),
            RelativeMisfit = 1.3e-5,
            LabelAccuracy = 0.5,
            Images = images,
            Metrics = Spreads(images.Select(image => image.Metrics)),
            Baselines = (images.IsEmpty ? [] : (string[])["psnr", "ssim"]).ToImmutableSortedDictionary(metric => metric,
                metric => Baselines.ToImmutableSortedDictionary(baseline => baseline,
                    baseline => Spread.Of(images.Select(image => image.Baselines[baseline][metric])))),
            Findings =
            [
                new(Severity.Warning, "The attack is a lower bound of what leaks, because a better attack may exist " +
                    "that nobody has tried on this model so far."),
            ],
        };
    }

    public static AuditReport Report(params CaseReport[] cases) => new()
    {
        Version = "0.1.0",
        Title = "CIFAR-10, LeNet",
        Started = DateTimeOffset.UnixEpoch,
        Experiment = "{}",
        Command = "afterimage audit",
        Machine = new("Linux", "a processor", 2, ".NET 10", "TorchSharp", "cpu"),
        Verdict = new(LeakLevel.Recognizable, "1 of 2 images is recognizable " +
            "(median PSNR 35.0 dB, from 26.0 to 44.0; median SSIM 0.50; the gray image scores 12.3 dB at the median)."),
        Cases = [.. cases],
    };

    /// <summary>A first case that ends and a second one under way, with a picture.</summary>
    public static IReadOnlyList<AuditEvent> Events()
    {
        var picture = new Thumbnail(64, 32, [.. Enumerable.Range(0, 64 * 32 * 3).Select(i => (byte)(i * 7))]);
        return
        [
            new AuditStarted(Report(), [new("one", "batchSize 1"), new("two", LongName)]) { At = 0 },
            new CaseStarted("one", "batchSize 1", 1000) { At = 0.1 },
            .. Enumerable.Range(0, 120).Select(i => new IterateSeen("one", 0, i, i + 1, 100.0 / (i + 1), null) { At = 0.1 + i * 0.1 }),
            new CaseFinished(Case("one", 0.9)) { At = 12.5 },
            new CaseStarted("two", LongName, 1000) { At = 12.6 },
            new IterateSeen("two", 1, 99, 250, 3.2e-4, picture) { At = 17.6 },
        ];
    }

    private static ImmutableSortedDictionary<string, double> Metrics(double psnr, double ssim) =>
        ImmutableSortedDictionary<string, double>.Empty.Add("psnr", psnr).Add("ssim", ssim).Add("mse", 0.01);

    private static ImmutableSortedDictionary<string, Spread> Spreads(IEnumerable<ImmutableSortedDictionary<string, double>> images) =>
        images.SelectMany(image => image).GroupBy(pair => pair.Key, pair => pair.Value)
            .ToImmutableSortedDictionary(metric => metric.Key, Spread.Of);
}
