using Afterimage.Reports.Conclusions;
using static Afterimage.Reports.Html.Elements;
using static Afterimage.Reports.Html.Markup;
using static Afterimage.Reports.Html.Plot;

namespace Afterimage.Reports.Html;

/// <summary>How a federation trained, and what its updates gave away, round by round, client by client, layer by layer.</summary>
internal static class RoundsSection
{
    private const int MostLayers = 6;

    public static Element? Draw(CaseReport found) => found.Federation is not { } federation ? null : Tag("div",
        Tag("p", ("class", "note"), federation.Setting),
        Tag("div", ("class", "plots"), Accuracy(federation), Leak(federation), Layers(federation)),
        federation.Rounds.IsEmpty ? null : Table("Attacked updates", "numbers",
            [
                Head("Round"), Head("Client"), Head("Median PSNR dB", "lead"), Head("Identified"), Head("Forecast dB"), Head("Misfit"),
                Head("Layer that tells most", "words"), Head("Outcome", "words"),
            ],
            federation.Rounds.Select(Row)));

    private static Element Row(RoundLeak leak) => Tag("tr",
        Tag("th", ("scope", "row"), Numbers.Count(leak.Round)),
        Tag("td", Numbers.Count(leak.Client)),
        Tag("td", ("class", "lead"), leak.Psnr is { } psnr ? Numbers.Fixed(psnr.Median, 1) : "–"),
        Tag("td", $"{Numbers.Count(leak.Identified)} of {Numbers.Count(leak.Images)}"),
        Tag("td", leak.Forecast is { } forecast ? AtLeast(forecast) : "–"),
        Tag("td", Numbers.Short(leak.Misfit)),
        Tag("td", ("class", "words"), leak.Layers.IsEmpty ? "–" : leak.Layers.MaxBy(layer => layer.Share) is { } most
            ? $"{most.Name}, {Numbers.Percent(most.Share)}" : "–"),
        Tag("td", ("class", "words"), leak.Outcome));

    private static string AtLeast(Bracket forecast) =>
        $"{(forecast.High - forecast.Low < 0.05 ? "" : "≥")}{Numbers.Fixed(forecast.Low, 1)}";

    private static Element Accuracy(FederationReport federation)
    {
        var points = federation.Accuracy;
        var plot = new Plot("Test accuracy over rounds", $"From {Numbers.Percent(points[0].Accuracy)} to " +
            $"{Numbers.Percent(points[^1].Accuracy)} in {points[^1].Round} rounds.", "round", "test accuracy",
            LinearScale.Covering(0, Math.Max(1, points[^1].Round)), LinearScale.Covering(0, Math.Max(0.1, points.Max(at => at.Accuracy))),
            [new("test accuracy", [.. points.Select(at => new PlotPoint(at.Round, at.Accuracy))]) { Markers = points.Length < 30 }]);
        return Captioned(plot, $"Over {Numbers.Count(federation.TestImages)} test images that no client holds.");
    }

    private static Element? Leak(FederationReport federation)
    {
        var rounds = federation.Rounds.Where(leak => leak.Psnr is not null && double.IsFinite(leak.Psnr.Median)).ToArray();
        if (rounds.Length == 0)
            return null;
        var values = rounds.SelectMany(leak => new[] { leak.Psnr!.Minimum, leak.Psnr.Maximum }).Where(double.IsFinite).ToArray();
        Series[] series = [.. rounds.GroupBy(leak => leak.Client).Select(client => new Series($"client {client.Key}",
            [.. client.Select(leak => new PlotPoint(leak.Round, leak.Psnr!.Median))]) { Markers = true })];
        var plot = new Plot("Leak over rounds", string.Join(" ", rounds.Select(leak =>
                $"Round {leak.Round}, client {leak.Client}: {Numbers.Fixed(leak.Psnr!.Median, 1)} dB.")),
            "round", "median PSNR in dB", LinearScale.Covering(0, Math.Max(1, rounds.Max(leak => leak.Round))),
            LinearScale.Covering(Math.Min(0, values.Min()), values.Max()), series);
        return Captioned(plot, "What came back of updates of held-out clients, which the model was not trained on.");
    }

    private static Element? Layers(FederationReport federation)
    {
        var rounds = federation.Rounds.Where(leak => !leak.Layers.IsEmpty).GroupBy(leak => leak.Round)
            .OrderBy(group => group.Key).ToArray();
        if (rounds.Length == 0)
            return null;
        string[] names = [.. rounds[0].First().Layers.Select(layer => layer.Name)];
        double Share(IEnumerable<RoundLeak> leaks, string name) =>
            leaks.Average(leak => leak.Layers.FirstOrDefault(layer => layer.Name == name)?.Share ?? 0);
        var told = names.OrderByDescending(name => rounds.Average(round => Share(round, name))).Take(MostLayers).ToArray();
        Series[] series = [.. told.Select(name => new Series(name,
            [.. rounds.Select(round => new PlotPoint(round.Key, Share(round, name)))]) { Markers = true })];
        var plot = new Plot("Layers over rounds", string.Join(" ", told.Select(name =>
                $"{name}: {Numbers.Percent(Share(rounds[^1], name))} in round {rounds[^1].Key}.")),
            "round", "share of the information", LinearScale.Covering(0, Math.Max(1, rounds[^1].Key)),
            LinearScale.Covering(0, series.Max(line => line.Points.Max(point => point.Y))), series);
        return Captioned(plot, "Share of each parameter tensor in the trace of the Fisher information, with noise in units of its root " +
            $"mean square{(names.Length > MostLayers ? $"; the {MostLayers} that tell most of {names.Length}" : "")}.");
    }
}
