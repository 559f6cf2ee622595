using System.Globalization;
using Afterimage.Reports;
using Spectre.Console;
using Spectre.Console.Rendering;
using KnownBaselines = Afterimage.Audit.Judging.Baselines;

namespace Afterimage.Cli.Console;

/// <summary>A report: a table of cases or images, the assumptions, the findings and the verdict.</summary>
internal static class ReportView
{
    private const int LargestWidth = 100, MostImages = 16, MostCases = 40, LongName = 24, PictureRows = 20;

    /// <param name="console">The terminal.</param>
    /// <param name="report">The report.</param>
    /// <param name="folder">The folder of the pictures that the report names.</param>
    public static void Write(IAnsiConsole console, AuditReport report, string folder)
    {
        var width = Math.Min(console.Profile.Width, LargestWidth);
        console.WriteLine();
        console.WriteHeading(report.Title);
        if (report.Cases is [var only])
            WriteCase(console, only, folder, width);
        else if (!report.Cases.IsEmpty)
        {
            console.Write(Cases(report.Cases));
            foreach (var (index, found) in report.Cases.Take(HasShortNames(report.Cases) ? 0 : MostCases).Index())
                console.WriteIndented($"{index + 1}  {found.Name}");
        }
        var failures = report.Cases.Where(found => report.Cases.Length > 1 && found.Outcome is "Refused" or "Crashed");
        foreach (var failed in failures.Take(MostImages))
            console.WriteBullet("[yellow]![/]", $"{failed.Name}: {failed.Advice}", width);
        if (report.Comparison is { } comparison)
            console.WriteBullet("◇", string.Create(CultureInfo.InvariantCulture, $"Forecast against attack: rank correlation " +
                $"{comparison.Spearman:0.00} over {comparison.Cases} cases, median gap {Figures.Metric("psnr", comparison.MedianGap)}, " +
                $"{Figures.Plural(comparison.Above, "case")} beyond the van Trees bound."), width);
        var findings = report.Cases is [var one] ? report.Findings.AddRange(one.Findings) : report.Findings;
        foreach (var finding in findings.Where(finding => finding.Severity != Severity.Note).Distinct())
            console.WriteBullet(finding.Severity == Severity.Leak ? "[red]●[/]" : "[yellow]![/]", finding.Text, width);
        console.WriteLine();
        console.Write(new Panel(new Text(report.Verdict.Sentence))
        {
            Header = new($" {Word(report.Verdict.Level)} "),
            Border = BoxBorder.Rounded,
            BorderStyle = new(Shade(report.Verdict.Level)),
            Width = width,
        });
    }

    private static void WriteCase(IAnsiConsole console, CaseReport found, string folder, int width)
    {
        console.WriteRemark($"{found.Ending} in {Figures.Duration(found.Cost.Seconds)}: " +
            $"{Figures.Plural(found.Cost.Restarts, "start")}, {Figures.Plural(found.Cost.Evaluations, "evaluation")}, " +
            $"relative misfit {Figures.Short(found.RelativeMisfit)}, seed {found.Seed}.");
        if (console.Profile.Capabilities.ColorSystem == ColorSystem.TrueColor && PictureStrip.Of(found, folder) is { } strip)
        {
            console.WriteLine();
            console.Write(HalfBlocks.Of(strip.Picture, width, PictureRows));
            console.WriteRemark(strip.Caption);
        }
        if (!found.Images.IsEmpty)
        {
            console.Write(Images(found));
            if (!found.Baselines.IsEmpty)
                console.WriteRemark(found.Baselines.Values.Any(names => names.ContainsKey(KnownBaselines.Prior))
                    ? "Beside each figure, what knows nothing of the batch: public images, and the trained prior with an unrelated update."
                    : "Beside each figure, what needs no gradient: public images, scored the same way.");
        }
        if (found.Images.Length > MostImages)
            console.WriteLine($"and {found.Images.Length - MostImages} more images: see report.html");
        if (found.Labels is { } labels)
            LabelView.Write(console, "Labels", labels);
        if (found.Leakage is { } leakage)
            console.WriteBullet("◇", leakage.Sentence, width);
        if (found.Assumptions.Length > 0)
        {
            console.WriteRemark("The attacker was given (✓) or did without (○)");
            foreach (var assumption in found.Assumptions)
                console.WriteBullet(assumption.Given ? "✓" : "○", $"{assumption.Topic}: {assumption.Knowledge}", width);
        }
        if (found.Outcome is not "Converged")
            console.WriteBullet("[yellow]![/]", found.Advice, width);
    }

    private static Table Images(CaseReport found)
    {
        var metrics = Metrics([found]);
        // Beside a prior's own column there is no room for the mean.
        IEnumerable<string> Baselines(string metric) => found.Baselines.GetValueOrDefault(metric)?.Keys is not { } names ? []
            : names.Contains(KnownBaselines.Prior) ? names.Where(name => name != KnownBaselines.Mean) : names;
        var table = Blank();
        table.AddColumn(Layout.Numbers("#"));
        table.AddColumn(Layout.Words("label"));
        foreach (var metric in metrics)
        {
            table.AddColumn(Layout.Numbers(Figures.Title(metric).Replace(' ', '\n')));
            foreach (var baseline in Baselines(metric))
                table.AddColumn(Layout.Numbers(Heading(baseline)));
        }
        foreach (var image in found.Images.Take(MostImages))
            table.AddRow((IRenderable[])
            [
                new Text(image.Index.ToString(CultureInfo.InvariantCulture)),
                Label(image),
                .. metrics.SelectMany(metric => (IRenderable[])
                [
                    new Text(Figures.Metric(metric, image.Metrics[metric]), new(decoration: Decoration.Bold)),
                    .. Baselines(metric).Select(baseline => new Text(Baseline(image, baseline, metric), new(Color.Grey))),
                ]),
            ]);
        return table;
    }

    private static bool HasShortNames(IEnumerable<CaseReport> cases) => cases.Max(found => found.Name.Length) <= LongName;

    private static Table Cases(IReadOnlyList<CaseReport> cases)
    {
        var metrics = Metrics(cases);
        var table = Blank();
        // Beside long names there is no room for numbers: the cases are numbered, and the names follow.
        var roomy = HasShortNames(cases);
        table.AddColumn(roomy ? Layout.Words("\ncase") : Layout.Numbers("\ncase"));
        foreach (var metric in metrics)
        {
            table.AddColumn(Layout.Numbers($"{Figures.Title(metric)}\nmedian"));
            if (roomy)
                table.AddColumn(Layout.Numbers("\nmax"));
        }
        if (metrics.Length > 0)
            table.AddColumn(Layout.Numbers($"{Figures.Title(metrics[0])}\npublic"));
        var measured = cases.Any(found => found.Leakage is not null);
        if (measured)
            table.AddColumn(Layout.Numbers("fore-\ncast"));
        table.AddColumn(Layout.Numbers("labels\nright"));
        table.AddColumn(Layout.Numbers("\nmisfit"));
        table.AddColumn(Layout.Words("\nverdict"));
        foreach (var (index, found) in cases.Take(MostCases).Index())
            table.AddRow((IRenderable[])
            [
                new Text(roomy ? found.Name : (index + 1).ToString(CultureInfo.InvariantCulture)),
                .. metrics.SelectMany(metric => MedianAndMaximum(metric, found.Metrics.GetValueOrDefault(metric)).Take(roomy ? 2 : 1)),
                .. metrics.Take(1).Select(metric => new Text(Strongest(found, metric), new(Color.Grey))),
                .. measured ? [new Text(Forecast(found.Leakage), new(Color.Grey))] : (IRenderable[])[],
                new Text(found.LabelAccuracy is { } accuracy ? Figures.Percent(accuracy) : "-"),
                new Text(double.IsNaN(found.RelativeMisfit) ? "-" : Figures.Short(found.RelativeMisfit)),
                found.Outcome is "Crashed" or "Refused" or "Canceled"
                    ? new Text(found.Outcome.ToLowerInvariant(), new(Color.Yellow))
                    : new Text(Word(found.Verdict.Level).ToLowerInvariant(), new(Shade(found.Verdict.Level))),
            ]);
        if (cases.Count > MostCases)
            table.Caption($"and {cases.Count - MostCases} more cases: see report.html");
        return table;
    }

    /// <summary>The two best known metrics that some case has.</summary>
    private static string[] Metrics(IEnumerable<CaseReport> cases) =>
        [.. Figures.InOrder(cases.SelectMany(found => found.Metrics.Keys).Distinct()).Where(name => name != "mse").Take(2)];

    private static IRenderable[] MedianAndMaximum(string metric, Spread? spread) => spread is null ? [new Text("-"), new Text("-")] :
    [
        new Text(Figures.Metric(metric, spread.Median), new(decoration: Decoration.Bold)),
        new Text(Figures.Metric(metric, spread.Maximum)),
    ];

    private static string Strongest(CaseReport found, string metric) =>
        found.Baselines.TryGetValue(metric, out var baselines) && !baselines.IsEmpty
            ? Figures.Metric(metric, baselines.Values.Max(spread => spread.Median)) : "-";

    private static string Forecast(CaseLeakage? leakage) =>
        leakage is null ? "-" : Figures.AtLeast(leakage.Forecast().Images, "0.0");

    private static string Baseline(ImageReport image, string baseline, string metric) =>
        image.Baselines.TryGetValue(baseline, out var values) && values.TryGetValue(metric, out var value)
            ? Figures.Metric(metric, value) : "-";

    /// <summary>A baseline's name over a narrow column: "best of 100 public images" as "best" over "of 100".</summary>
    private static string Heading(string baseline) => baseline == KnownBaselines.Prior ? "prior\nalone" : baseline
        .Replace(" public images", "", StringComparison.Ordinal).Replace(" of the", "", StringComparison.Ordinal)
        .Replace(" image", "", StringComparison.Ordinal).Replace(" of ", "\nof ", StringComparison.Ordinal);

    private static Text Label(ImageReport image)
    {
        var confidence = image.Confidence < 0.995 ? $" ({Figures.Percent(image.Confidence)})" : "";
        return image.TrueLabel switch
        {
            null => new(image.RecoveredLabel + confidence),
            var truth when truth == image.RecoveredLabel => new($"{truth} ✓", new(Color.Green)),
            var truth => new($"{image.RecoveredLabel}, not {truth}", new(Color.Red)),
        };
    }

    private static string Word(LeakLevel level) => level switch
    {
        LeakLevel.Unjudged => "Not judged",
        _ => level.ToString(),
    };

    private static Color Shade(LeakLevel level) => level switch
    {
        LeakLevel.Exact or LeakLevel.Recognizable => Color.Red,
        LeakLevel.Traces or LeakLevel.Inconclusive => Color.Yellow,
        LeakLevel.Nothing => Color.Green,
        _ => Color.Grey,
    };

    private static Table Blank() => new() { Border = TableBorder.Simple, BorderStyle = new(Color.Grey) };
}
