namespace Afterimage.Tests.House;

public class SourceTextTests
{
    [Fact]
    public void Files_are_short() => Assert.Empty(Repository.Files("", ".cs", ".css", ".js").SelectMany(SourceText.TooLong));

    [Fact]
    public void Nothing_is_left_unfinished() => Assert.Empty(Repository.Files("", ".cs").SelectMany(SourceText.Unfinished));

    [Fact]
    public void No_file_names_a_path_of_one_machine() => Assert.Empty(Repository.Files().SelectMany(SourceText.MachinePaths));

    [Fact]
    public void The_rules_see_what_they_look_for()
    {
        Assert.Single(SourceText.TooLong(new("a.cs", new string('\n', SourceText.LongestFile + 1))));
        Assert.Empty(SourceText.TooLong(new("a.cs", new string('\n', SourceText.LongestFile))));
        Assert.Single(SourceText.Unfinished(new("a.cs", "// TO" + "DO later")));
        Assert.Single(SourceText.Unfinished(new("a.cs", "throw new NotImplemented" + "Exception();")));
        Assert.Single(SourceText.MachinePaths(new("a.cs", "var folder = \"/" + "tmp/x\";")));
        Assert.Single(SourceText.MachinePaths(new("a.md", "see /" + "home/someone")));
        Assert.Single(SourceText.MachinePaths(new("a.cs", "@\"C:\\Us" + "ers\\someone\"")));
        Assert.Empty(SourceText.MachinePaths(new("a.md", "https://example.org/" + "work/x and src/" + "home/x")));
    }

    [Fact]
    public void The_repository_is_read() => Assert.Contains(Repository.Files("src", ".cs"), file => file.Path == "src/Afterimage/Numerics/Differentiate.cs");
}
