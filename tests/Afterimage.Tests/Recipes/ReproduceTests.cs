using System.Xml.Linq;
using Afterimage.Cli;
using Afterimage.Tests.Cli;

namespace Afterimage.Tests.Recipes;

/// <summary>Recipes as they are run: numbers stay in their intervals, and pages are pages.</summary>
public class ReproduceTests
{
    [Theory]
    [InlineData("bias-attack")]
    [InlineData("pipeline")]
    [Trait("Category", "slow")]
    public void A_quick_run_lands_in_its_intervals(string name)
    {
        using var folder = new TemporaryFolder();
        var (code, output, error) = Commanded.Run("reproduce", name, "--quick", "--out", folder.Path);
        Assert.True(code == ExitCode.Fine, $"{output}\n{error}");
        Assert.DoesNotContain("✗", output, StringComparison.Ordinal);
        AssertIsPage(folder[$"{name}.html"]);
        AssertIsPage(folder["index.html"]);
    }

    [Fact]
    public void A_run_outside_of_its_interval_ends_with_an_exit_code_and_goes_on_where_it_was()
    {
        using var folder = new TemporaryFolder();
        var recipe = folder.Write("mine.json", RecipeTests.SmallWith("\"low\": 50, \"high\": 101", "\"low\": 1, \"high\": 2"));
        var first = Commanded.Run("reproduce", recipe, "--quick", "--out", folder["gallery"]);
        Assert.Equal(ExitCode.ConditionTrue, first.Code);
        Assert.Contains("the interval is 1.0 to 2.0", first.Output.ReplaceLineEndings(" "), StringComparison.Ordinal);
        var journal = folder["gallery", "runs", "mine", "quick", "one", "events.jsonl"];
        var written = File.ReadAllText(journal);
        File.WriteAllText(recipe, RecipeTests.Small);
        Assert.Equal(ExitCode.Fine, Commanded.Run("reproduce", recipe, "--quick", "--out", folder["gallery"]).Code);
        Assert.Equal(written, File.ReadAllText(journal));
        AssertIsPage(folder["gallery", "mine.html"]);
        var page = File.ReadAllText(folder["gallery", "mine.html"]);
        Assert.Contains("Full run: not made yet.", page, StringComparison.Ordinal);
        Assert.Contains("Something comes back.", File.ReadAllText(folder["gallery", "index.html"]), StringComparison.Ordinal);
    }

    [Fact]
    public void Data_that_are_not_there_are_a_sentence()
    {
        using var folder = new TemporaryFolder();
        var recipe = folder.Write("mine.json", RecipeTests.SmallWith("""{ "kind": "dead-leaves", "shape": "1x8x8", "count": 200 }""",
            $$"""{ "kind": "idx-images", "folder": "{{folder["nowhere"].Replace('\\', '/')}}" }"""));
        var (code, _, error) = Commanded.Run("reproduce", recipe, "--out", folder["gallery"]);
        Assert.Equal(ExitCode.BadInput, code);
        Assert.Contains("afterimage data get mnist", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Nothing to reproduce")]
    [InlineData("exclude each other", "pipeline", "--all")]
    [InlineData("There is no recipe \"nothing\"", "nothing")]
    public void A_command_line_that_means_nothing_is_a_sentence(string words, params string[] line) =>
        Assert.Contains(words, Commanded.Run(["reproduce", .. line]).Error, StringComparison.Ordinal);

    [Fact]
    public void All_recipes_are_listed()
    {
        var (code, output, _) = Commanded.Run("reproduce", "--list");
        Assert.Equal(ExitCode.Fine, code);
        Assert.Contains("total-variation", output, StringComparison.Ordinal);
    }

    private static void AssertIsPage(string path) => Assert.Equal("html", XDocument.Parse(File.ReadAllText(path)).Root!.Name.LocalName);
}
