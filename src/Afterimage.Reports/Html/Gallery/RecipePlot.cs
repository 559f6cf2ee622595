using Afterimage.Reports.Recipes;
using static Afterimage.Reports.Html.Plot;

namespace Afterimage.Reports.Html;

/// <summary>A figure of all rows: over their axis where all have one, otherwise row by row.</summary>
internal static class RecipePlot
{
    public static Element? Draw(RecipeRun run, string name, bool baseline)
    {
        RecipeRowResult[] rows = [.. run.Rows.Where(row => row.Figures.ContainsKey(name))];
        if (rows.Length < 2)
            return null;
        var along = rows.All(row => row.X is not null) && rows.Select(row => row.Axis).Distinct().Count() == 1;
        double At(RecipeRowResult row) => along ? row.X!.Value : Array.IndexOf(rows, row);
        double[] places = [.. rows.Select(At).Distinct().Order()];
        if (places.Length < 2)
            return null;
        Series[] lines = along
            ? [.. rows.GroupBy(row => row.Series).Select(group => Line(group.Key, [.. group.OrderBy(At)], name, At, loose: false))]
            : [Line("median, and its range over images", rows, name, At, loose: true)];
        Series[] series = [.. lines, .. baseline ? Reference([.. rows.OrderBy(At)], At) : []];
        var all = series.SelectMany(line => line.Points.Select(point => point.Y)
            .Concat(line.Band.SelectMany(at => new[] { at.Low, at.High }))).ToArray();
        var figure = RecipeFigure.Of(name);
        var scale = along ? SweepPlot.XScale(places)
            : new OrdinalScale(places, [.. places.Select(place => new Tick(place, $"{place + 1:0}"))]);
        return Captioned(new($"{figure.Title}, row by row",
                string.Join(", ", rows.Select(row => $"{row.Name} {figure.WithUnit(row.Figures[name].Median)}")) + ".",
                along ? rows[0].Axis! : "row of the table", figure.TitleWithUnit, scale,
                LinearScale.Covering(Math.Min(0, all.Min()), all.Max()), series),
            $"{figure.Title} of every row: the median{(baseline ? ", beside the best of what needs no update" : "")}; " +
            "bands and bars reach from the worst to the best.");
    }

    private static Series Line(string title, RecipeRowResult[] rows, string name, Func<RecipeRowResult, double> at, bool loose) =>
        new(title.Length == 0 ? "median" : title, [.. rows.Select(row => new PlotPoint(at(row), row.Figures[name].Median))])
        {
            Band = [.. rows.Select(row => (at(row), row.Figures[name].Minimum, row.Figures[name].Maximum))],
            Bars = loose,
            Loose = loose,
            Markers = true,
        };

    private static IEnumerable<Series> Reference(RecipeRowResult[] rows, Func<RecipeRowResult, double> at)
    {
        PlotPoint[] points = [.. rows.Where(row => row.Figures.ContainsKey("baseline"))
            .GroupBy(at).Select(group => new PlotPoint(group.Key, group.Average(row => row.Figures["baseline"].Median)))];
        if (points.Length > 1)
            yield return new("best baseline (needs no update)", points) { Reference = true };
    }
}
