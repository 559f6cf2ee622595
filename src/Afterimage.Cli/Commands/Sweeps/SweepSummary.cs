using Afterimage.Cli.Console;
using Afterimage.Reports;
using Afterimage.Reports.Exporters;

namespace Afterimage.Cli.Commands;

/// <summary>What a sweep found, in a few lines.</summary>
internal static class SweepSummary
{
    private const int MostNamed = 3;

    public static void Write(TextWriter output, AuditReport report, string folder)
    {
        output.WriteLine($"{Figures.Plural(report.Cases.Length, "case")}: " + string.Join(", ",
            report.Cases.CountBy(found => found.Ending).OrderByDescending(pair => pair.Value)
                .Select(pair => $"{Figures.Count(pair.Value)} {Lower(pair.Key)}")) + ".");
        foreach (var crash in report.Cases.Where(found => found.Outcome is "Crashed" or "Refused").Take(MostNamed))
            output.WriteLine($"  {crash.Name}: {crash.Advice}");
        output.WriteLine($"{report.Verdict.Level}: {report.Verdict.Sentence}");
        output.WriteLine(Path.Combine(folder, HtmlExporter.FileName));
    }

    private static string Lower(string text) => char.ToLowerInvariant(text[0]) + text[1..];
}
