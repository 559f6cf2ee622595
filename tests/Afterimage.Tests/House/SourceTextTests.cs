using System.Text.RegularExpressions;

namespace Afterimage.Tests.House;

[Collection(Apart.Collection)]
public partial class SourceTextTests
{
    [GeneratedRegex(@"\blinalg\s*\.\s*(eig|svd|cholesky|solve\b|inv|pinv|lstsq)")]
    private static partial Regex NativeFactorization();

    [Fact]
    public void Files_are_short() => Assert.Empty(Repository.Files("", ".cs", ".css", ".js").SelectMany(SourceText.TooLong));

    [Fact]
    public void Lines_are_short() => Assert.Empty(Repository.Files("", ".cs").SelectMany(SourceText.TooWide));

    [Fact]
    public void Folders_are_small() => Assert.Empty(SourceText.TooFull(Repository.Files("src", ".cs")));

    [Fact]
    public void Public_members_have_summaries() => Assert.Empty(Repository.Files("src", ".cs").SelectMany(SourceText.WithoutSummary));

    [Fact]
    public void Nothing_is_left_unfinished() => Assert.Empty(Repository.Files("", ".cs").SelectMany(SourceText.Unfinished));

    /// <summary>A native factorization throws where matrices are degenerate, and then the whole run would be lost.</summary>
    [Fact]
    public void Matrices_are_factored_in_one_place() => Assert.All(
        Repository.Files("src", ".cs").Where(file => NativeFactorization().IsMatch(file.Text)),
        file => Assert.StartsWith("src/Afterimage/Numerics/Factorizations/", file.Path, StringComparison.Ordinal));

    [Fact]
    public void No_file_names_a_path_of_one_machine() => Assert.Empty(Repository.Files().SelectMany(SourceText.MachinePaths));

    [Fact]
    public void The_rules_see_what_they_look_for()
    {
        Assert.Single(SourceText.TooLong(new("a.cs", new string('\n', SourceText.LongestFile + 1))));
        Assert.Empty(SourceText.TooLong(new("a.cs", new string('\n', SourceText.LongestFile))));
        Assert.Single(SourceText.TooWide(new("a.cs", "// " + new string('x', SourceText.LongestLine))));
        Assert.Empty(SourceText.TooWide(new("a.cs", new string('x', SourceText.LongestLine) + "\n")));
        var folder = Enumerable.Range(0, SourceText.FullestFolder).Select(i => new SourceFile($"a/{i}.cs", ""));
        Assert.Single(SourceText.TooFull(folder.Append(new("a/b.cs", ""))));
        Assert.Empty(SourceText.TooFull(folder.Append(new("a/b/c.cs", ""))));
        Assert.Single(SourceText.WithoutSummary(new("a.cs", "/// <param name=\"B\">C.</param>\npublic record A(int B);")));
        Assert.Empty(SourceText.WithoutSummary(new("a.cs", "/// <param name=\"B\">C.</param>\ninternal record A(int B);")));
        Assert.Empty(SourceText.WithoutSummary(new("a.cs", "public class A\n{\n    /// <inheritdoc/>\n    public int B;\n}")));
        Assert.Single(SourceText.Unfinished(new("a.cs", "// TO" + "DO later")));
        Assert.Single(SourceText.Unfinished(new("a.cs", "throw new NotImplemented" + "Exception();")));
        Assert.Single(SourceText.MachinePaths(new("a.cs", "var folder = \"/" + "tmp/x\";")));
        Assert.Single(SourceText.MachinePaths(new("a.md", "see /" + "home/someone")));
        Assert.Single(SourceText.MachinePaths(new("a.cs", "@\"C:\\Us" + "ers\\someone\"")));
        Assert.Empty(SourceText.MachinePaths(new("a.md", "https://example.org/" + "work/x and src/" + "home/x")));
    }

    [Fact]
    public void The_repository_is_read() =>
        Assert.Contains(Repository.Files("src", ".cs"), file => file.Path == "src/Afterimage/Numerics/Torch/Differentiate.cs");
}
