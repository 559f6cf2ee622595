using Afterimage.Reports;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Afterimage.Cli.Console;

/// <summary>A panel that shows a running audit, in a terminal that can be redrawn.</summary>
/// <param name="view">The events so far.</param>
/// <param name="elapsed">Seconds since the audit started.</param>
/// <param name="stopping">Whether Ctrl-C was pressed.</param>
internal sealed class LivePanel(AuditView view, double elapsed, bool stopping)
{
    private const int LabelWidth = 11, LargestWidth = 100, PictureRows = 16;

    /// <param name="width">Columns of the terminal.</param>
    /// <param name="height">Lines of the terminal.</param>
    /// <param name="pictures">Whether it shows 24-bit color.</param>
    public IRenderable Draw(int width, int height, bool pictures)
    {
        width = Math.Min(width, LargestWidth);
        var inner = width - 4;
        var rows = new Grid { Width = inner };
        rows.AddColumn(new GridColumn { Width = LabelWidth, Padding = new(0, 0, 1, 0), NoWrap = true });
        rows.AddColumn(new GridColumn { Width = inner - LabelWidth - 1, Padding = new(0), NoWrap = true });
        void Row(string label, string value, Style? style = null) => rows.AddRow(
            new Text(label, new(Color.Grey)), new Text(Fit(value, inner - LabelWidth - 1), style) { Overflow = Overflow.Ellipsis });

        var pace = Pace.Of(view, elapsed);
        var parts = new List<IRenderable> { rows };
        if (view.Running is { } running)
        {
            Row("case", $"{Position} of {view.Cases.Length}: {running.Case.Name}");
            Row("now", running.Phase is { } phase ? Figures.Progress(phase) : "starts");
            // What an earlier phase saw last says nothing of this one.
            if (running.Last is { } last && last.At >= running.PhaseAt)
            {
                var budget = running.Case.Budget > 0 ? $" of at most {Figures.Count(running.Case.Budget)}" : "";
                Row("restart", $"{last.Restart + 1}, iteration {Figures.Count(last.Iteration)}, " +
                    $"{Figures.Count(last.Evaluations)} evaluations{budget}");
                Row("objective", Figures.Short(last.Objective));
                Row("", Sparkline.Of(running.Objective, inner - LabelWidth - 1), new(Color.Teal));
                var room = height - 13;
                if (pictures && last.Thumbnail is { Rgb.Length: > 0 } thumbnail && room > 3)
                    parts.Add(new Padder(HalfBlocks.Of(thumbnail, inner, Math.Min(PictureRows, room)), new(0, 1, 0, 0)));
            }
        }
        else
            Row("case", view.Header is null ? "starts" : "writes the report");
        rows.AddRow(new Text("progress", new(Color.Grey)), Bar(pace.Fraction, inner - LabelWidth - 1));
        Row("time", Figures.Duration(elapsed) + (pace.Remaining is { } left and > 0 ? $", at most {Figures.Duration(left)} to go" : ""));
        parts.Add(new Padder(stopping
            ? new Text("Stopping; the report is still written. Ctrl-C again ends at once.", new(Color.Yellow))
            : new Text("Ctrl-C stops and keeps what was found.", new(Color.Grey)), new(0, 1, 0, 0)));

        return new Panel(new Rows(parts))
        {
            Header = new($" {Markup.Escape(Fit(view.Header?.Title ?? "Audit", inner - 4))} "),
            Border = BoxBorder.Rounded,
            BorderStyle = new(Color.Grey),
            Width = width,
        };
    }

    private int Position => Math.Min(view.Ended.Length + 1, view.Cases.Length);

    private static Markup Bar(double fraction, int width)
    {
        var cells = width - 6;
        var full = (int)Math.Round(fraction * cells);
        return new($"[teal]{new string('━', full)}[/][grey35]{new string('─', cells - full)}[/] {fraction * 100,4:0}%");
    }

    /// <summary>One line that ends in "…" where it is too long.</summary>
    private static string Fit(string text, int width) => text.Length <= width ? text : text[..Math.Max(0, width - 1)] + "…";
}
