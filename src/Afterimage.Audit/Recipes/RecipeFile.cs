using System.Text.Json.Nodes;
using Afterimage.Audit.Cases;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using Afterimage.Reports.Recipes;

namespace Afterimage.Audit.Recipes;

/// <summary>Recipes as JSON files: read, checked, and turned into experiments.</summary>
public sealed class RecipeFile(ExperimentFile files)
{
    /// <summary>Reads a recipe from a JSON file.</summary>
    public Recipe Read(string path) => Parse(InputFile.Text(path, "a recipe's JSON file"), path);

    /// <summary>Reads a recipe from JSON text.</summary>
    /// <param name="json">The text.</param>
    /// <param name="origin">What messages call it.</param>
    /// <exception cref="AfterimageException">It is no recipe, or names a paper or a figure that is not known.</exception>
    public Recipe Parse(string json, string origin)
    {
        var recipe = files.Catalog.Read<Recipe>(json, origin);
        string[] faults = [.. Faults(recipe)];
        return faults.Length == 0 ? recipe : throw new AfterimageException($"{origin}: {string.Join(" ", faults)}");
    }

    /// <summary>The experiment of every row, in order.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="quick">Whether the edits of a quick run are made.</param>
    public IReadOnlyList<(string Row, Experiment Experiment)> Experiments(Recipe recipe, bool quick) =>
        [.. recipe.Rows.Select(row => (row.Name, Of(recipe, row, quick)))];

    /// <summary>What a reader sees of a recipe beside its numbers.</summary>
    /// <param name="name">Its name on the command line.</param>
    /// <param name="recipe">The recipe.</param>
    public RecipeStory Story(string name, Recipe recipe) => new(name, recipe.Title, recipe.Place, recipe.Claim)
    {
        Published = recipe.Published,
        Found = [.. recipe.Found],
        Differs = [.. recipe.Differs],
        Columns = [.. recipe.Columns],
        Citations = [.. recipe.Cites.Select(References.Find)],
        Experiments = [.. Experiments(recipe, quick: false).Select(row => new RecipeExperiment(row.Row, files.Write(row.Experiment)))],
    };

    private Experiment Of(Recipe recipe, RecipeRow row, bool quick)
    {
        var node = recipe.Experiment.DeepClone();
        foreach (var edit in (IEnumerable<Edit>)[.. row.Set ?? [], .. quick ? recipe.Quick : [], .. quick ? row.Quick ?? [] : []])
            JsonPointer.Set(node, edit.Pointer, edit.Value.DeepClone());
        node["title"] ??= JsonValue.Create($"{recipe.Title}: {row.Name}");
        return files.Parse(node.ToJsonString(), $"The row \"{row.Name}\" of \"{recipe.Title}\"");
    }

    private static IEnumerable<string> Faults(Recipe recipe)
    {
        foreach (var (name, text) in new[] { ("title", recipe.Title), ("place", recipe.Place), ("claim", recipe.Claim) })
            if (text.Length == 0)
                yield return $"/{name} is empty: write a sentence.";
        if (recipe.Rows.Count == 0)
            yield return "/rows is empty: give at least one.";
        if (recipe.Rows.CountBy(row => row.Name).FirstOrDefault(pair => pair.Value > 1).Key is { } twice)
            yield return $"/rows has \"{twice}\" twice: names tell rows apart.";
        if (recipe.Cites.Count == 0)
            yield return "/cites is empty: name the paper of the claim.";
        foreach (var key in recipe.Cites.Where(key => !References.All.ContainsKey(key)))
            yield return $"/cites names {key}, which References.bib does not have.";
        foreach (var column in recipe.Columns.Where(column => !RecipeFigures.Names.Contains(column)))
            yield return $"/columns names \"{column}\"; there are {string.Join(", ", RecipeFigures.Names)}.";
        foreach (var expected in recipe.Expect.Where(expected => !RecipeFigures.IsStatistic(expected.Figure)))
            yield return $"/expect names \"{expected.Figure}\": write a figure and min, median, mean or max, as in \"psnr.median\".";
        foreach (var expected in recipe.Expect.Where(expected => !(expected.Low < expected.High)))
            yield return $"/expect has the interval from {expected.Low} to {expected.High}: its ends are the wrong way round.";
    }
}
