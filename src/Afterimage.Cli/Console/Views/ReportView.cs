using System.Globalization;
using Afterimage.Reports;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Afterimage.Cli.Console;

/// <summary>A report in the terminal: a table, the verdict, what the attacker knew, where the rest is.</summary>
internal static class ReportView
{
    private const int LargestWidth = 100, MostImages = 16, MostCases = 40, LongName = 24, PictureRows = 20;

    /// <param name="folder">Where the pictures are that the report names.</param>
    public static void Write(IAnsiConsole console, AuditReport report, string folder)
    {
        var width = Math.Min(console.Profile.Width, LargestWidth);
        console.WriteLine();
        console.Write(new Text(report.Title, new(decoration: Decoration.Bold)));
        console.WriteLine();
        if (report.Cases is [var only])
            WriteCase(console, only, folder, width);
        else if (!report.Cases.IsEmpty)
            console.Write(Cases(report.Cases));
        foreach (var failed in report.Cases.Where(found => report.Cases.Length > 1 && found.Outcome is "Refused" or "Crashed").Take(MostImages))
            Bullet(console, "[yellow]![/]", $"{failed.Name}: {failed.Advice}", width);
        if (report.Comparison is { } comparison)
            Bullet(console, "◇", $"Forecast against attack: rank correlation {comparison.Spearman.ToString("0.00", CultureInfo.InvariantCulture)} over {comparison.Cases} cases, " +
                $"median gap {Figures.Metric("psnr", comparison.MedianGap)}, {Figures.Plural(comparison.Above, "case")} beyond the van Trees bound.", width);
        var findings = report.Cases is [var one] ? report.Findings.AddRange(one.Findings) : report.Findings;
        foreach (var finding in findings.Where(finding => finding.Severity != Severity.Note).Distinct())
            Bullet(console, finding.Severity == Severity.Leak ? "[red]●[/]" : "[yellow]![/]", finding.Text, width);
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
        console.Write(new Text($"{found.Outcome} in {Figures.Duration(found.Cost.Seconds)}: {Figures.Plural(found.Cost.Restarts, "start")}, " +
            $"{Figures.Plural(found.Cost.Evaluations, "evaluation")}, relative misfit {Figures.Short(found.RelativeMisfit)}, seed {found.Seed}.", new(Color.Grey)));
        console.WriteLine();
        if (console.Profile.Capabilities.ColorSystem == ColorSystem.TrueColor && PictureStrip.Of(found, folder) is { } strip)
        {
            console.WriteLine();
            console.Write(HalfBlocks.Of(strip.Picture, width, PictureRows));
            console.Write(new Text(strip.Caption, new(Color.Grey)));
            console.WriteLine();
        }
        if (!found.Images.IsEmpty)
        {
            console.Write(Images(found));
            if (!found.Baselines.IsEmpty)
                console.Write(new Text("Beside each figure, what needs no gradient: public images, scored the same way.\n", new(Color.Grey)));
        }
        if (found.Images.Length > MostImages)
            console.WriteLine($"and {found.Images.Length - MostImages} more images: see report.html");
        if (found.Labels is { } labels)
            LabelView.Write(console, "Labels", labels);
        if (found.Leakage is { } leakage)
            Bullet(console, "◇", leakage.Sentence, width);
        if (found.Assumptions.Length > 0)
        {
            console.Write(new Text("The attacker was given (✓) or did without (○)", new(Color.Grey)));
            console.WriteLine();
            foreach (var assumption in found.Assumptions)
                Bullet(console, assumption.Given ? "✓" : "○", $"{assumption.Topic}: {assumption.Knowledge}", width);
        }
        if (found.Outcome is not "Converged")
            Bullet(console, "[yellow]![/]", found.Advice, width);
    }

    private static Table Images(CaseReport found)
    {
        var metrics = Figures.InOrder(found.Metrics.Keys).Where(name => name != "mse").Take(2).ToArray();
        var table = Blank();
        table.AddColumn(Right("#"));
        table.AddColumn(Left("label"));
        foreach (var metric in metrics)
        {
            table.AddColumn(Right(Figures.Title(metric).Replace(' ', '\n')));
            foreach (var baseline in found.Baselines.GetValueOrDefault(metric)?.Keys ?? [])
                table.AddColumn(Right(Heading(baseline)));
        }
        foreach (var image in found.Images.Take(MostImages))
            table.AddRow((IRenderable[])
            [
                new Text(image.Index.ToString(CultureInfo.InvariantCulture)),
                Label(image),
                .. metrics.SelectMany(metric => (IRenderable[])
                [
                    new Text(Figures.Metric(metric, image.Metrics[metric]), new(decoration: Decoration.Bold)),
                    .. (found.Baselines.GetValueOrDefault(metric)?.Keys ?? []).Select(baseline => new Text(Baseline(image, baseline, metric), new(Color.Grey))),
                ]),
            ]);
        return table;
    }

    private static Table Cases(IReadOnlyList<CaseReport> cases)
    {
        var metrics = Figures.InOrder(cases.SelectMany(found => found.Metrics.Keys).Distinct()).Where(name => name != "mse").Take(2).ToArray();
        var table = Blank();
        // Long names need the room that maxima would take.
        var roomy = cases.Max(found => found.Name.Length) <= LongName;
        table.AddColumn(Left("\ncase"));
        foreach (var metric in metrics)
        {
            table.AddColumn(Right($"{Figures.Title(metric)}\nmedian"));
            if (roomy)
                table.AddColumn(Right("\nmax"));
        }
        if (metrics.Length > 0)
            table.AddColumn(Right($"{Figures.Title(metrics[0])}\npublic"));
        var measured = cases.Any(found => found.Leakage is not null);
        if (measured)
            table.AddColumn(Right("fore-\ncast"));
        table.AddColumn(Right("labels\nright"));
        table.AddColumn(Right("\nmisfit"));
        table.AddColumn(Left("\nverdict"));
        foreach (var found in cases.Take(MostCases))
            table.AddRow((IRenderable[])
            [
                new Text(found.Name),
                .. metrics.SelectMany(metric => found.Metrics.TryGetValue(metric, out var spread)
                    ? [new Text(Figures.Metric(metric, spread.Median), new(decoration: Decoration.Bold)), new Text(Figures.Metric(metric, spread.Maximum))]
                    : (IRenderable[])[new Text("-"), new Text("-")]).Where((_, column) => roomy || column % 2 == 0),
                .. metrics.Take(1).Select(metric => new Text(Strongest(found, metric), new(Color.Grey))),
                .. measured ? [new Text(Forecast(found.Leakage), new(Color.Grey))] : (IRenderable[])[],
                new Text(found.LabelAccuracy is { } accuracy ? accuracy.ToString("0 %", CultureInfo.InvariantCulture) : "-"),
                new Text(double.IsNaN(found.RelativeMisfit) ? "-" : Figures.Short(found.RelativeMisfit)),
                found.Outcome is "Crashed" or "Refused" or "Canceled"
                    ? new Text(found.Outcome.ToLowerInvariant(), new(Color.Yellow))
                    : new Text(Word(found.Verdict.Level).ToLowerInvariant(), new(Shade(found.Verdict.Level))),
            ]);
        if (cases.Count > MostCases)
            table.Caption($"and {cases.Count - MostCases} more cases: see report.html");
        return table;
    }

    private static string Strongest(CaseReport found, string metric) =>
        found.Baselines.TryGetValue(metric, out var baselines) && !baselines.IsEmpty ? Figures.Metric(metric, baselines.Values.Max(spread => spread.Median)) : "-";

    /// <summary>In dB; of a bracket, both ends.</summary>
    private static string Forecast(CaseLeakage? leakage)
    {
        if (leakage?.Forecast().Images is not { } found)
            return "-";
        var (low, high) = (found.Low.ToString("0.0", CultureInfo.InvariantCulture), found.High.ToString("0.0", CultureInfo.InvariantCulture));
        return low == high ? low : $"{low}\n{high}";
    }

    private static string Baseline(ImageReport image, string baseline, string metric) =>
        image.Baselines.TryGetValue(baseline, out var values) && values.TryGetValue(metric, out var value) ? Figures.Metric(metric, value) : "-";

    /// <summary>A baseline's name over a narrow column: "best of 100 public images" as "best" over "of 100".</summary>
    private static string Heading(string baseline) => baseline.Replace(" public images", "", StringComparison.Ordinal)
        .Replace(" of the", "", StringComparison.Ordinal).Replace(" image", "", StringComparison.Ordinal).Replace(" of ", "\nof ", StringComparison.Ordinal);

    private static Text Label(ImageReport image)
    {
        var confidence = image.Confidence < 0.995 ? $" ({image.Confidence.ToString("0 %", CultureInfo.InvariantCulture)})" : "";
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

    private static TableColumn Right(string title) => new(new Text(title, new(Color.Grey))) { Alignment = Justify.Right, Padding = new(1, 0, 0, 0) };

    private static TableColumn Left(string title) => new(new Text(title, new(Color.Grey))) { Padding = new(1, 0, 0, 0) };

    private static void Bullet(IAnsiConsole console, string mark, string text, int width)
    {
        var grid = new Grid { Width = width };
        grid.AddColumn(new GridColumn { Width = 1, Padding = new(0, 0, 1, 0), NoWrap = true });
        grid.AddColumn(new GridColumn { Width = width - 2, Padding = new(0) });
        grid.AddRow(new Markup(mark), new Text(text));
        console.Write(grid);
    }
}
