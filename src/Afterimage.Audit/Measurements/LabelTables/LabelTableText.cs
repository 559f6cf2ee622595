using System.Globalization;
using System.Text;

namespace Afterimage.Audit.Measurements.LabelTables;

/// <summary>The table as Markdown: mean accuracy in percent with a 95 % interval over the seeds, and how confidence holds.</summary>
public static class LabelTableText
{
    /// <summary>The file of the table in its folder.</summary>
    public const string FileName = "labels.md";

    private static readonly string[] Mixes = ["Distinct", "Balanced", "Repeated"];

    /// <summary>The tables of accuracy for every number of epochs, and one of calibration.</summary>
    public static string Write(IReadOnlyList<LabelResult> results, IEnumerable<string> rules)
    {
        var names = rules.ToArray();
        var text = new StringBuilder();
        foreach (var epochs in results.Select(result => result.Epochs).Distinct().Order())
        {
            var title = epochs == 0 ? "Gradient" : $"FedAvg, {epochs} epoch{(epochs == 1 ? "" : "s")}";
            text.Append("\n### ").AppendLine(title).AppendLine();
            text.AppendLine($"| model | batch | labels | {string.Join(" | ", names)} |");
            text.AppendLine($"|---|---:|---|{string.Concat(Enumerable.Repeat("---:|", names.Length))}");
            foreach (var cell in results.Where(result => result.Epochs == epochs).GroupBy(result => (result.Model, result.Batch)))
                foreach (var mix in Mixes)
                    Row(text, cell.Key.Model, cell.Key.Batch, mix, [.. cell.Where(result => result.Mix == mix)], names);
        }
        text.AppendLine().AppendLine("### Calibration").AppendLine();
        text.AppendLine("Counts of classes, all cells together: of those called with a confidence in the range, how many are right.")
            .AppendLine().AppendLine("| rule | updates | below 50 % | 50 to 80 % | 80 to 95 % | 95 to 99 % | above 99 % |")
            .AppendLine("|---|---|---:|---:|---:|---:|---:|");
        var local = results.ToLookup(result => result.Epochs > 0);
        foreach (var name in names)
            foreach (var (kind, chosen) in new[] { ("gradients", local[false]), ("local steps", local[true]) })
                text.AppendLine($"| {name} | {kind} | {string.Join(" | ", Calibration([.. chosen], name))} |");
        return text.ToString();
    }

    private static void Row(StringBuilder text, string model, int batch, string mix, IReadOnlyList<LabelResult> found, string[] names)
    {
        string Accuracy(string name) => Cell([.. found.Select(result => result.Accuracy.GetValueOrDefault(name)).OfType<double>()]);
        var cells = string.Join(" | ", names.Select(name => found.Count == 0 ? "–" : Accuracy(name)));
        var note = found.Count == 0 ? " (more images than classes)" : "";
        text.AppendLine($"| {model} | {batch} | {mix.ToLowerInvariant()}{note} | {cells} |");
    }

    /// <summary>Mean and half the width of a normal interval, in percent.</summary>
    public static string Cell(IReadOnlyList<double> values)
    {
        if (values.Count == 0)
            return "refused";
        var mean = values.Average();
        var deviation = values.Count > 1 ? Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1)) : 0;
        var half = 1.96 * deviation / Math.Sqrt(values.Count);
        return string.Create(CultureInfo.InvariantCulture, $"{100 * mean:0.0} ± {100 * half:0.0}");
    }

    private static IEnumerable<string> Calibration(IReadOnlyList<LabelResult> results, string name)
    {
        var pairs = results.Where(result => result.Confidence.ContainsKey(name))
            .SelectMany(result => result.Confidence[name].Zip(result.Right[name])).ToArray();
        foreach (var (from, to) in new[] { (0, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 0.99), (0.99, 2.0) })
        {
            var inside = pairs.Where(pair => pair.First >= from && pair.First < to).ToArray();
            yield return inside.Length == 0 ? "–" : string.Create(CultureInfo.InvariantCulture,
                $"{100 * inside.Average(pair => pair.Second ? 1.0 : 0):0} % of {inside.Length}");
        }
    }
}
