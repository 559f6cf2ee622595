using System.Collections.Immutable;
using System.Globalization;
using Afterimage.Reports;

namespace Afterimage.Tests.Reports;

/// <summary>Reports as an audit would write them, with their pictures, from given 32x32 images (planar RGB, 3,072 bytes each).</summary>
internal sealed class SampleReports(string folder, IReadOnlyList<byte[]> images)
{
    private static readonly string[] Labels = ["cat", "ship", "ship", "airplane", "frog", "frog", "automobile", "frog"];

    /// <summary>Smooth colored blobs: images that need no data set.</summary>
    public static IReadOnlyList<byte[]> Procedural { get; } =
    [
        .. Enumerable.Range(0, 4).Select(seed => Enumerable.Range(0, 3072).Select(at =>
            (byte)(127.5 + (100 * Math.Sin(((seed + 2) * (at % 32) / 9.0) + (at / 1024)) * Math.Cos(at % 1024 / 32 / (5.0 + seed)))))
            .ToArray()),
    ];

    public AuditReport Single() => Report("CIFAR-10, LeNet, one image", new(LeakLevel.Exact,
            "The image came back nearly pixel for pixel: whoever sees this update sees the picture."),
        [Case("DeepLeakage, batch 1", 1, 41.3, LeakLevel.Exact, "Converged", restarts: 3)]);

    public AuditReport Batch() => Report("CIFAR-10, ConvNet-32, batch of four", new(LeakLevel.Recognizable,
            "Two of four images are recognizable; the attack spent its budget, so more may be within reach."),
        [Case("InvertingGradients, batch 4", 4, 19.4, LeakLevel.Recognizable, "BudgetSpent", restarts: 5)]);

    public AuditReport WithoutTruth()
    {
        var judged = Case("Update of client 17", 4, 18, LeakLevel.Unjudged, "Converged", restarts: 2);
        return Report("update-17.npz on model.pt", new(LeakLevel.Unjudged,
            "Four images explain this update to one part in ten thousand, but nobody could compare them with the truth."),
        [
            judged with
            {
                LabelAccuracy = null,
                Metrics = ImmutableSortedDictionary<string, Spread>.Empty,
                Baselines = ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, Spread>>.Empty,
                Images =
                [
                    .. judged.Images.Select(image => image with
                    {
                        Truth = null,
                        TrueLabel = null,
                        Metrics = ImmutableSortedDictionary<string, double>.Empty,
                        Baselines = ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, double>>.Empty,
                    }),
                ],
                Findings = [new(Severity.Note,
                    "There were no true images: only the misfit and the attack's own confidence can be reported.")],
            },
        ]);
    }

    public AuditReport Sweep()
    {
        var cases = new List<CaseReport>();
        foreach (var (attackIndex, attack) in new[] { "deep-leakage", "inverting-gradients" }.Index())
            foreach (var (noiseIndex, noise) in new[] { "0", "0.0001", "0.0003", "0.001", "0.01", "0.1" }.Index())
            {
                var crashed = attackIndex == 0 && noiseIndex == 5;
                var psnr = (attackIndex == 0 ? 44 : 24) - ((attackIndex == 0 ? 7.5 : 2.4) * noiseIndex);
                var level = psnr > 30 ? LeakLevel.Exact : psnr > 18 ? LeakLevel.Recognizable : psnr > 13.5 ? LeakLevel.Traces
                    : LeakLevel.Nothing;
                var found = Case($"{attack}, noise {noise}", 2, Math.Max(9, psnr), crashed ? LeakLevel.Inconclusive : level,
                    crashed ? "Diverged" : "Converged", 2);
                cases.Add(found with
                {
                    Id = $"{attackIndex}{noiseIndex}" + found.Id[2..],
                    Axes = ImmutableSortedDictionary<string, string>.Empty
                        .Add("/clients/0/defenses/0/standardDeviation", noise).Add("/attack/kind", attack),
                });
            }
        return Report("How much Gaussian noise protects a LeNet client?", new(LeakLevel.Exact,
            "Without noise two attacks read the images back; a standard deviation of 0.01 leaves " +
            "traces, 0.1 nothing beyond public images."), cases);
    }

    private static AuditReport Report(string title, Verdict verdict, IReadOnlyList<CaseReport> cases) => new()
    {
        Version = "0.1.0",
        Title = title,
        Started = new DateTimeOffset(2025, 11, 23, 17, 36, 5, TimeSpan.FromHours(1)),
        Experiment = """{"data":{"kind":"cifar10"},"model":{"kind":"le-net"},""" +
            """ "vary":[{"path":"/clients/0/defenses/0/standardDeviation"}]}""",
        Command = "afterimage audit experiment.json --out runs/again",
        Machine = new("Debian GNU/Linux 12", "AMD EPYC 7763", 2, ".NET 10.0.0", "TorchSharp 0.107.0, libtorch 2.10.0", "CPU"),
        Verdict = verdict,
        Cases = [.. cases],
        Citations =
        [
            new("zhu2019", "L. Zhu, Z. Liu, S. Han. Deep Leakage from Gradients. NeurIPS 2019.", "https://arxiv.org/abs/1906.08935"),
            new("geiping2020", "J. Geiping, H. Bauermeister, H. Dröge, M. Moeller. Inverting Gradients: How easy is it to break privacy " +
                "in federated learning? NeurIPS 2020.", "https://arxiv.org/abs/2003.14053"),
        ],
    };

    private CaseReport Case(string name, int batch, double psnr, LeakLevel level, string outcome, int restarts)
    {
        var found = Enumerable.Range(0, batch)
            .Select(index => Image(name, index, psnr + (index % 2 == 0 ? 1.5 : -2.25) * (batch > 1 ? 1 : 0))).ToArray();
        return new()
        {
            Id = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            Name = name,
            Configuration = """{"attack":{"kind":"gradient-matching","solver":{"kind":"lbfgs","steps":300}},"batch":4}""",
            Equation = "min over x of ½‖A(x) − y‖² + 0.0002 · TV(x),  x in [0,1],  L-BFGS × 300, 3 restarts",
            Seed = 20_251_123,
            Assumptions =
            [
                new("batch size", $"{batch}", true),
                new("labels", "recovered from the gradient of the last layer (iDLG)", false),
                new("local training", "FedSgd: one gradient, no local steps", true),
                new("normalization", "mean and standard deviation of CIFAR-10", true),
                new("BatchNorm statistics", "the model has none", false),
            ],
            Outcome = outcome,
            Advice = outcome == "BudgetSpent"
                ? "The objective was still falling when the budget ended: raise --evaluations before calling this protected."
                : outcome == "Diverged" ? "The objective grew without bound: lower the step size."
                    : "The misfit is at the noise floor of single precision: there is nothing left to gain.",
            Verdict = new(level,
                $"Median PSNR {psnr.ToString("0.0", CultureInfo.InvariantCulture)} dB against 13.9 dB of public images alone."),
            Cost = new(1240, 900, restarts, 38.4, 71.9),
            RelativeMisfit = Math.Pow(10, -psnr / 9),
            LabelAccuracy = batch == 4 ? 0.75 : 1,
            Images = [.. found],
            Metrics = new[] { "psnr", "ssim", "mse" }.ToImmutableSortedDictionary(metric => metric,
                metric => Spread.Of(found.Select(image => image.Metrics[metric]))),
            Baselines = new[] { "psnr", "ssim", "mse" }.ToImmutableSortedDictionary(metric => metric,
                metric => found[0].Baselines.Keys.ToImmutableSortedDictionary(baseline => baseline,
                    baseline => Spread.Of(found.Select(image => image.Baselines[baseline][metric])))),
            Curves = [.. Enumerable.Range(1, restarts).Select(restart => Curve(restart, psnr))],
            Findings =
            [
                new(Severity.Note, "Labels were recovered, not given; a client with repeated labels would be harder."),
                new(Severity.Leak, "The gradient of the last layer reveals the label with certainty."),
                new(Severity.Warning,
                    "One restart of three ended at the gray image: fewer restarts would have been reported as protection."),
            ],
            Cites = ["zhu2019"],
        };
    }

    private static Curve Curve(int restart, double psnr) => new($"restart {restart}",
    [
        .. Enumerable.Range(0, 400).Select(step => new CurvePoint(step + 1,
            (40 * Math.Exp(-step * psnr / (restart == 2 ? 9000.0 : 900.0 + (140 * restart))) * (1.15 +
                Math.Sin(step * (0.4 + (0.13 * restart))) * 0.15)) + Math.Pow(10, -psnr / 6))),
    ]);

    private ImageReport Image(string name, int index, double psnr)
    {
        var pixels = images[index % images.Count];
        var slug = new string([.. name.Where(char.IsAsciiLetterOrDigit)]) + index;
        var mse = Math.Pow(10, -psnr / 10);
        return new()
        {
            Index = index,
            RecoveredLabel = index == 3 ? "frog" : Labels[index],
            Confidence = 0.998 - (0.11 * index),
            TrueLabel = Labels[index],
            Metrics = ImmutableSortedDictionary<string, double>.Empty.Add("psnr", psnr).Add("mse", mse)
                .Add("ssim", 1 / (1 + Math.Exp((15 - psnr) / 4))),
            Baselines = ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, double>>.Empty
                .Add("mean public image", ImmutableSortedDictionary<string, double>.Empty.Add("psnr", 12.2 + (0.4 * index)).Add("mse", 0.06)
                    .Add("ssim", 0.09))
                .Add("best of 100 public images", ImmutableSortedDictionary<string, double>.Empty.Add("psnr", 13.9 + (0.3 * index))
                    .Add("mse", 0.041).Add("ssim", 0.17)),
            Truth = Save($"{slug}-true.png", pixels, 0, index),
            Reconstruction = Save($"{slug}-back.png", pixels, Math.Sqrt(mse), index),
            Path =
            [
                .. new[] { 0, 5, 10, 20, 40, 80, 160, 300 }.Select(step =>
                    new PathStep(step, Save($"{slug}-{step}.png", pixels, Math.Max(Math.Sqrt(mse), 0.9 * Math.Exp(-step / 35.0)),
                        index + step))),
            ],
        };
    }

    /// <summary>The image under noise of the given deviation (of the range), drawn from a fixed sequence.</summary>
    private Picture Save(string file, byte[] planar, double noise, int salt)
    {
        var rgb = new byte[3072];
        var state = (uint)(12_345 + (977 * salt));
        for (var at = 0; at < rgb.Length; at++)
        {
            var sum = 0.0;
            for (var draw = 0; draw < 3; draw++)
                sum += ((state = (state * 1_664_525) + 1_013_904_223) >> 8) / (double)(1 << 24);
            rgb[at] = (byte)Math.Clamp((planar[(at % 3 * 1024) + (at / 3)] * Math.Max(0, 1 - noise)) + (127 * Math.Min(1, noise)) +
                (255 * noise * 2 * (sum - 1.5)), 0, 255);
        }
        File.WriteAllBytes(Path.Combine(folder, file), Png.Rgb(32, 32, rgb));
        return new(file, 32, 32);
    }
}
