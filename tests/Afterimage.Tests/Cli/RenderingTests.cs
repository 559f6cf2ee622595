using System.Threading.Channels;
using Afterimage.Cli.Console;
using Afterimage.Reports;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Afterimage.Tests.Cli;

public class RenderingTests
{
    [Theory]
    [InlineData(80, 24)]
    [InlineData(77, 40)]
    [InlineData(120, 24)]
    [InlineData(40, 12)]
    public void ThePanelFitsTheTerminal(int width, int height)
    {
        foreach (var view in Views())
            foreach (var stopping in new[] { false, true })
            {
                var lines = Lines(new LivePanel(view, 18, stopping).Draw(width, height, pictures: true), width);
                Assert.All(lines, line => Assert.True(line.Length <= width, line));
                Assert.True(lines.Length <= Math.Max(height, 13), $"{lines.Length} lines in a terminal of {height}");
            }
    }

    [Fact]
    public void ThePanelSaysWhatGoesOn()
    {
        var panel = new LivePanel(AuditView.Replay(Audits.Events()), 18, stopping: false).Draw(80, 40, pictures: true);
        var text = string.Join("\n", Lines(panel, 80));
        Assert.Contains("CIFAR-10, LeNet", text, StringComparison.Ordinal);
        Assert.Contains("2 of 2: batchSize 2", text, StringComparison.Ordinal);
        Assert.Contains("restart     2, iteration 99, 250 evaluations of at most 1,000", text, StringComparison.Ordinal);
        Assert.Contains("3.2e-4", text, StringComparison.Ordinal);
        Assert.Contains(" 63%", text, StringComparison.Ordinal);
        Assert.Contains("18 s, at most 16 s to go", text, StringComparison.Ordinal);
        Assert.Contains("▀▀▀▀", text, StringComparison.Ordinal);
    }

    [Fact]
    public void PlainLinesAreOneForEachCaseAndOneEveryFewSeconds()
    {
        var channel = Channel.CreateUnbounded<AuditEvent>();
        foreach (var next in Audits.Events())
            channel.Writer.TryWrite(next);
        channel.Writer.Complete();
        var output = new StringWriter();
        Watching.ToTheEnd(channel.Reader, Terminal.Plain(output, TextWriter.Null), TestContext.Current.CancellationToken);
        var lines = output.ToString().ReplaceLineEndings("\n").TrimEnd().Split('\n');
        Assert.Collection(lines,
            line => Assert.Equal("CIFAR-10, LeNet", line),
            line => Assert.Equal("[1/2] batchSize 1", line),
            line => Assert.StartsWith("  5.1 s: restart 1, iteration 50, objective 1.96", line, StringComparison.Ordinal),
            line => Assert.StartsWith("  10 s: restart 1, iteration 100", line, StringComparison.Ordinal),
            line => Assert.Equal("  one: Converged in 13 s: PSNR 47.0 dB, SSIM 0.900", line),
            line => Assert.StartsWith("[2/2] batchSize 2", line, StringComparison.Ordinal),
            line => Assert.StartsWith("  18 s: restart 2, iteration 99, objective 3.2e-4", line, StringComparison.Ordinal));
    }

    [Fact]
    public void PlainLinesNameEveryPhaseThatLasts()
    {
        var output = new StringWriter();
        var lines = new PlainLines(output);
        var view = AuditView.Empty;
        void See(AuditEvent next)
        {
            view = AuditView.Reduce(view, next);
            lines.Say(view, next);
            lines.Look(view, next.At);
        }
        See(new AuditStarted(Audits.Report(), [new("one", "the batch")]));
        See(new CaseStarted("one", "the batch", 0));
        See(new PhaseSeen("one", "opens the model") { At = 0.1 });
        See(new PhaseSeen("one", "trains the client") { At = 0.2 });
        lines.Look(view, 0.8);
        lines.Look(view, 1.2);
        See(new PhaseSeen("one", "brackets the spectrum", 0, 160, "steps") { At = 2 });
        See(new PhaseSeen("one", "brackets the spectrum", 80, 160, "steps") { At = 8 });
        See(new PhaseSeen("one", "decomposes 6,144 directions") { At = 9 });
        lines.Look(view, 10);
        lines.Look(view, 30);
        Assert.Equal(
            [
                "CIFAR-10, LeNet", "[1/1] the batch", "  0.2 s: trains the client", "  8.0 s: brackets the spectrum, 80 of 160 steps",
                "  9.0 s: decomposes 6,144 directions", "  30 s: decomposes 6,144 directions",
            ],
            output.ToString().ReplaceLineEndings("\n").TrimEnd().Split('\n'));
    }

    [Fact]
    public void ThePanelNamesThePhaseAndNoIterateOfAnEarlierOne()
    {
        var events = Audits.Events().Append(new PhaseSeen("two", "measures the leakage", 3, 480, "steps") { At = 18 });
        var text = string.Join("\n", Lines(new LivePanel(AuditView.Replay(events), 19, false).Draw(80, 40, pictures: true), 80));
        Assert.Contains("now         measures the leakage, 3 of 480 steps", text, StringComparison.Ordinal);
        Assert.DoesNotContain("iteration", text, StringComparison.Ordinal);
    }

    [Fact]
    public void ARunThatFailsStillEndsTheWatching()
    {
        var channel = Channel.CreateUnbounded<AuditEvent>();
        channel.Writer.Complete(new InvalidOperationException("broken"));
        Watching.ToTheEnd(channel.Reader, Terminal.Plain(TextWriter.Null, TextWriter.Null), TestContext.Current.CancellationToken);
    }

    [Fact]
    public void ATableOfImagesStandsBesideItsBaselinesInEightyColumns()
    {
        var text = Shown(Audits.Report(Audits.Case("one", 0.2, 0.8)));
        Assert.Contains("26.0    12.3  12.3  12.3  0.200   0.187  0.187  0.187", text, StringComparison.Ordinal);
        Assert.Contains("cat ✓", text, StringComparison.Ordinal);
        Assert.Contains("not", text, StringComparison.Ordinal);
        Assert.Contains("○ labels: recovered", text, StringComparison.Ordinal);
        Assert.Contains("1 of 2 images is recognizable", text, StringComparison.Ordinal);
    }

    [Fact]
    public void ASweepIsATableOfCasesInEightyColumns()
    {
        var refused = Audits.Case("batchSize 64, labels distinct") with
        {
            Outcome = "Refused", Advice = "The data set has too few classes.", RelativeMisfit = double.NaN, LabelAccuracy = null,
        };
        var text = Shown(Audits.Report(
            Audits.Case("batchSize 1, labels any", 0.9), Audits.Case("batchSize 2, labels any", 0.2, 0.8), refused));
        Assert.Contains("recognizable", text, StringComparison.Ordinal);
        Assert.Contains("refused", text, StringComparison.Ordinal);
        Assert.Contains("batchSize 64, labels distinct: The data set has too few classes.", text, StringComparison.Ordinal);
    }

    [Fact]
    public void WithoutTheTruthThereAreNoFiguresOfIt()
    {
        var text = Shown(Audits.Report(Audits.Case("one")) with { Verdict = new(LeakLevel.Unjudged, "Nobody could judge.") });
        Assert.Contains("Not judged", text, StringComparison.Ordinal);
        Assert.DoesNotContain("PSNR", text, StringComparison.Ordinal);
    }

    [Fact]
    public void AReportOfNothingIsShownToo() => Assert.Contains("1 of 2 images", Shown(Audits.Report()), StringComparison.Ordinal);

    [Theory]
    [InlineData(new double[0], "")]
    [InlineData(new[] { double.NaN }, "")]
    [InlineData(new[] { 1.0, 1, 1 }, "▁▁▁")]
    [InlineData(new[] { 100.0, 10, 1 }, "█▅▁")]
    [InlineData(new[] { -1.0, 0, 1 }, "▁▅█")]
    public void SparklinesAreLogarithmicWhereTheyCanBe(double[] values, string expected) =>
        Assert.Equal(expected, Sparkline.Of(values, 10));

    [Fact]
    public void SparklinesShrink() => Assert.Equal(10, Sparkline.Of([.. Enumerable.Range(1, 1000).Select(i => (double)i)], 10).Length);

    [Fact]
    public void PicturesShrinkToTheirRoomAndKeepTheirColors()
    {
        var red = new Thumbnail(200, 100, [.. Enumerable.Range(0, 200 * 100).SelectMany(_ => new byte[] { 200, 10, 20 })]);
        var console = Console(out var output, 80, ColorSystemSupport.TrueColor);
        console.Write(HalfBlocks.Of(red, columns: 40, rows: 16));
        var lines = output.ToString().TrimEnd().Split('\n');
        Assert.Equal(10, lines.Length);
        Assert.Contains("38;2;200;10;20", lines[0], StringComparison.Ordinal);
        Assert.Equal(40, lines[0].Count(letter => letter == '▀'));
    }

    private static IEnumerable<AuditView> Views()
    {
        var view = AuditView.Empty;
        yield return view;
        foreach (var (number, next) in Audits.Events().Index())
        {
            view = AuditView.Reduce(view, next);
            if (number < 4 || number % 40 == 0 || number > 120)
                yield return view;
        }
    }

    private static string Shown(AuditReport report)
    {
        var console = Console(out var output, 80);
        ReportView.Write(console, report, Path.GetTempPath());
        var text = output.ToString();
        Assert.All(text.Split('\n'), line => Assert.True(line.TrimEnd().Length <= 80, line));
        return text;
    }

    private static string[] Lines(IRenderable shown, int width)
    {
        var console = Console(out var output, width);
        console.Write(shown);
        return output.ToString().ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');
    }

    private static IAnsiConsole Console(out StringWriter output, int width, ColorSystemSupport colors = ColorSystemSupport.NoColors)
    {
        output = new StringWriter();
        var console = AnsiConsole.Create(new()
        {
            Ansi = colors == ColorSystemSupport.NoColors ? AnsiSupport.No : AnsiSupport.Yes,
            ColorSystem = colors,
            Out = new AnsiConsoleOutput(output),
        });
        console.Profile.Width = width;
        return console;
    }
}
