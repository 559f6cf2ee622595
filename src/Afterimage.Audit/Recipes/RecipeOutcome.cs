using System.Collections.Immutable;
using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using Afterimage.Reports;
using Afterimage.Reports.Recipes;

namespace Afterimage.Audit.Recipes;

/// <summary>What the audits of a recipe's rows add up to.</summary>
public static class RecipeOutcome
{
    private const int MostPictures = 2;
    private const string Trial = "trial";

    /// <summary>The run of a recipe: its table, its pictures and its checks.</summary>
    /// <param name="name">The name of the recipe.</param>
    /// <param name="recipe">The recipe.</param>
    /// <param name="quick">Whether it was a quick run; only these are checked.</param>
    /// <param name="audits">The audit of every row, in order, and the folder of its pictures.</param>
    public static RecipeRun Of(string name, Recipe recipe, bool quick,
        IReadOnlyList<(string Row, AuditReport Report, string Folder)> audits)
    {
        var pictures = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var rows = audits.SelectMany(audit => Rows(audit.Row, audit.Report, audit.Folder, pictures)).ToImmutableArray();
        var first = audits[0].Report;
        return new()
        {
            Name = name,
            Quick = quick,
            Version = first.Version,
            Commit = Commit(),
            Finished = audits.Max(audit => audit.Report.Started),
            Machine = first.Machine,
            Rows = rows,
            Checks = quick ? [.. recipe.Expect.Select(expected => Check(expected, rows))] : [],
            Pictures = pictures.ToImmutableSortedDictionary(StringComparer.Ordinal),
        };
    }

    private static IEnumerable<RecipeRowResult> Rows(
        string row, AuditReport report, string folder, SortedDictionary<string, string> pictures)
    {
        foreach (var group in report.Cases.GroupBy(found => string.Join(", ", Axes(found).Select(axis => $"{axis.Key} {axis.Value}"))))
        {
            CaseReport[] cases = [.. group];
            string[] parts = [.. new[] { row, group.Key }.Where(part => part.Length > 0)];
            var along = Axes(cases[0]).ToArray() is [var only]
                && double.TryParse(only.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
                ? (only.Key, value) : (null, 0);
            yield return new(string.Join(", ", parts))
            {
                Series = row,
                Axis = along.Key,
                X = along.Key is null ? null : along.value,
                Cases = cases.Length,
                Images = cases.Sum(found => found.Images.Length),
                Figures = RecipeFigures.Of(cases),
                Endings = Endings(cases),
                Shown = [.. cases.SelectMany(found => found.Images).Where(image => image.Truth is not null).Take(MostPictures)
                    .Select(image => Show(image, folder, pictures))],
            };
        }
    }

    private static IEnumerable<KeyValuePair<string, string>> Axes(CaseReport found) => found.Axes.Where(axis => axis.Key != Trial);

    private static string Endings(CaseReport[] cases) => string.Join(", ", cases.CountBy(found => found.Ending)
        .Select(pair => cases.Length == 1 ? pair.Key.ToLowerInvariant() : $"{pair.Value} {pair.Key.ToLowerInvariant()}"))
        + (cases.FirstOrDefault(found => found.Outcome is "Refused" or "Crashed") is { } failed ? $": {failed.Advice}" : "");

    private static RecipeImage Show(ImageReport image, string folder, SortedDictionary<string, string> pictures)
    {
        string Keep(Picture picture)
        {
            var bytes = File.ReadAllBytes(Path.Combine(folder, picture.File));
            var key = Convert.ToHexStringLower(SHA256.HashData(bytes))[..12];
            pictures[key] = Convert.ToBase64String(bytes);
            return key;
        }
        return new(Keep(image.Truth!), Keep(image.Reconstruction), image.Truth!.Width, image.Truth.Height)
        {
            Psnr = image.Metrics.TryGetValue("psnr", out var psnr) ? psnr : null,
        };
    }

    private static RecipeCheck Check(Expectation expected, ImmutableArray<RecipeRowResult> rows)
    {
        var value = rows.FirstOrDefault(row => row.Name == expected.Row) is { } row
            ? RecipeFigures.Value(row.Figures, expected.Figure) : null;
        return new(expected.Row, expected.Figure, expected.Low, expected.High)
        {
            Value = value,
            Holds = value >= expected.Low && value <= expected.High,
        };
    }

    /// <summary>The first letters of the commit that the build knows; empty where it knows none.</summary>
    private static string Commit() => typeof(RecipeOutcome).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()
        ?.InformationalVersion.Split('+') is [_, { Length: > 7 } commit, ..] ? commit[..8] : "";
}
