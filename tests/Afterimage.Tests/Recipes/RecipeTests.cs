using Afterimage.Audit;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Audit.Recipes;
using Afterimage.Cli.Commands.Reproduction;
using Afterimage.Data;
using Afterimage.Numerics;

namespace Afterimage.Tests.Recipes;

public class RecipeTests
{
    internal const string Small = """
        {
          "title": "Small", "place": "here", "claim": "Something comes back.", "cites": ["phong2018privacy"],
          "experiment": {
            "client": { "kind": "simulated-client", "data": { "kind": "dead-leaves", "shape": "1x8x8", "count": 200 } },
            "model": { "kind": "mlp", "depth": 1 }, "attack": { "kind": "linear-layer-inversion" }
          },
          "rows": [{ "name": "one" }, { "name": "some", "set": [{ "pointer": "/seed", "value": 3 }],
            "quick": [{ "pointer": "/trials", "value": 5 }] }],
          "quick": [{ "pointer": "/trials", "value": 2 }, { "pointer": "/seed", "value": 7 }],
          "expect": [{ "row": "one", "figure": "psnr.median", "low": 50, "high": 101 }]
        }
        """;

    private static readonly ExperimentFile Files = new(Catalog.Standard);
    private static readonly RecipeFile Reader = new(Files);

    public static TheoryData<string> Names => [.. ShippedRecipes.Names];

    [Fact]
    public void Every_figure_of_the_article_has_a_recipe() => Assert.Superset(
        new HashSet<string>(["pipeline", "mlp", "lenet-distances", "batch-two", "total-variation"]), ShippedRecipes.Names.ToHashSet());

    [Theory, MemberData(nameof(Names))]
    public void A_recipe_says_what_is_claimed_by_whom_where_it_lands_and_what_was_found(string name)
    {
        var (_, recipe) = ShippedRecipes.Open(Reader, name);
        Assert.All(new[] { recipe.Claim, recipe.Published, recipe.Place }, text => Assert.InRange(text.Length, 20, 400));
        Assert.All(recipe.Cites, key => Assert.Equal(key, References.Find(key).Key));
        Assert.NotEmpty(recipe.Expect);
        Assert.NotEmpty(recipe.Found);
        Assert.NotEmpty(recipe.Differs);
        Assert.Equal(recipe.Rows.Count, Reader.Experiments(recipe, quick: false).Count);
    }

    [Theory, MemberData(nameof(Names))]
    public void A_quick_run_needs_no_data_and_has_the_rows_that_are_expected(string name)
    {
        var (_, recipe) = ShippedRecipes.Open(Reader, name);
        var rows = new HashSet<string>();
        foreach (var (row, experiment) in Reader.Experiments(recipe, quick: true))
        {
            Assert.IsType<DeadLeaves>(Assert.IsType<SimulatedClient>(experiment.Client).Data);
            Assert.DoesNotContain("cifar10", Files.Write(experiment), StringComparison.Ordinal);
            foreach (var one in Files.Expand(experiment))
                rows.Add(string.Join(", ", one.Axes.Where(axis => axis.Key != "trial").Select(axis => $"{axis.Key} {axis.Value}")
                    .Prepend(row).Where(part => part.Length > 0)));
        }
        Assert.All(recipe.Expect, expected => Assert.Contains(expected.Row, rows));
    }

    [Fact]
    public void Edits_of_a_quick_run_come_after_those_of_the_row()
    {
        var recipe = Reader.Parse(Small, "small");
        Assert.Equal([(1, 0UL), (1, 3UL)], Of(quick: false));
        Assert.Equal([(2, 7UL), (5, 7UL)], Of(quick: true));

        IEnumerable<(int, ulong)> Of(bool quick) =>
            Reader.Experiments(recipe, quick).Select(row => (row.Experiment.Trials, row.Experiment.Seed));
    }

    [Theory]
    [InlineData("phong2018privacy", "nobody2020nothing", "which References.bib does not have")]
    [InlineData("psnr.median", "psnr.middle", "write a figure and min, median, mean or max")]
    [InlineData("\"low\": 50", "\"low\": 500", "the wrong way round")]
    [InlineData("\"name\": \"some\"", "\"name\": \"one\"", "twice")]
    [InlineData("Something comes back.", "", "/claim is empty")]
    [InlineData("\"expect\"", "\"columns\": [\"beauty\"], \"expect\"", "there are psnr, baseline")]
    [InlineData("\"claim\"", "\"clam\"", "/clam")]
    public void What_is_wrong_with_a_recipe_is_a_sentence(string good, string bad, string words) =>
        Refusal.Says(words, () => Reader.Parse(Small.Replace(good, bad, StringComparison.Ordinal), "small.json"));

    [Fact]
    public void A_recipe_that_does_not_exist_names_those_that_do() =>
        Refusal.Says("pipeline", () => ShippedRecipes.Open(Reader, "nothing"));

    internal static string SmallWith(string good, string bad) => Small.Replace(good, bad, StringComparison.Ordinal);
}
