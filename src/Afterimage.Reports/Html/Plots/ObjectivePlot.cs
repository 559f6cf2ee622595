using static Afterimage.Reports.Html.Markup;
using static Afterimage.Reports.Html.Elements;
using static Afterimage.Reports.Html.Plot;

namespace Afterimage.Reports.Html;

/// <summary>The objective over evaluations, one curve for each restart.</summary>
internal static class ObjectivePlot
{
    private const int Columns = 280;

    public static Element? Draw(CaseReport found)
    {
        var points = found.Curves.SelectMany(curve => curve.Points).Where(point => double.IsFinite(point.Value)).ToArray();
        if (points.Length == 0)
            return null;
        var logarithmic = points.Any(point => point.Value > 0);
        bool Drawn(CurvePoint point) => double.IsFinite(point.Value) && (!logarithmic || point.Value > 0);
        var drawn = points.Where(Drawn).ToArray();
        var curves = found.Curves.Select(curve => (curve.Name, Points: curve.Points.Where(Drawn).ToArray())).ToArray();
        var low = drawn.Min(point => point.Value);
        var high = drawn.Max(point => point.Value);
        var last = Math.Max(1, drawn.Max(point => point.Evaluation));
        var best = curves.Index().Where(pair => pair.Item.Points.Length > 0)
            .MinBy(pair => pair.Item.Points.Min(point => point.Value)).Index;
        var x = LinearScale.Covering(0, last);
        var plot = new Plot(
            $"Objective over evaluations of {found.Name}",
            string.Join(" ", curves.Select(Describe)),
            "evaluations",
            logarithmic ? "objective (logarithmic)" : "objective",
            x with { High = last, Ticks = [.. x.Ticks.Where(tick => tick.Value <= last * 1.001)] },
            logarithmic ? LogScale.Covering(low, high) : LinearScale.Covering(low, high),
            [.. curves.Select((curve, index) => Line(curve.Name, Thin(curve.Points, last), index == best, curves.Length > 1))]);
        var missing = found.Curves.Sum(curve => curve.Points.Length) - drawn.Length;
        return Captioned(plot,
            "What the attack tries to make small: the distance between the update that its images would cause and the " +
            "one observed, plus its priors. " + Describe(curves[best]) + (missing == 0 ? ""
                : $" {Numbers.Count(missing, "point that is", "points that are")} not finite or not positive cannot be drawn."));
    }

    private static Series Line(string name, PlotPoint[] points, bool best, bool several) =>
        new(best && several ? name + ", lowest" : name, points) { Strong = best };

    private static string Describe((string Name, CurvePoint[] Points) curve) => curve.Points.Length == 0
        ? $"{curve.Name} has no value that can be drawn."
        : $"{Capital(curve.Name)}: from {Numbers.Short(curve.Points[0].Value)} to {Numbers.Short(curve.Points[^1].Value)} at evaluation " +
            $"{Numbers.Count(curve.Points[^1].Evaluation)}.";

    /// <summary>Long curves keep the lowest and the highest point of each column, so that no spike disappears.</summary>
    private static PlotPoint[] Thin(CurvePoint[] points, int last)
    {
        IEnumerable<CurvePoint> kept = points.Length <= 2 * Columns
            ? points
            : points.GroupBy(point => (long)point.Evaluation * Columns / last)
                .SelectMany(column => new[] { column.MinBy(point => point.Value), column.MaxBy(point => point.Value) }.Distinct())
                .OrderBy(point => point.Evaluation);
        return [.. kept.Select(point => new PlotPoint(point.Evaluation, point.Value))];
    }
}
