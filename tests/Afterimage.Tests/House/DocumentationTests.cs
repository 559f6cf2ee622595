using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Afterimage.Tests.House;

/// <summary>What the docs show compiles, and where they point there is something.</summary>
[Collection(Apart.Collection)]
public partial class DocumentationTests
{
    [Fact]
    public void Every_snippet_compiles()
    {
        var snippets = Repository.Files("", ".md").SelectMany(file => Snippet().Matches(file.Text))
            .Select(match => match.Groups[1].Value).ToArray();
        Assert.NotEmpty(snippets);
        Assert.All(snippets, snippet => Assert.Empty(Compile(snippet)));
    }

    [Fact]
    public void A_snippet_that_does_not_compile_is_found() => Assert.NotEmpty(Compile("return Afterimage.Catalog.Nonsense;"));

    [Fact]
    public void Every_link_inside_the_repository_leads_somewhere()
    {
        var known = Repository.Files().Select(file => file.Path).ToHashSet(StringComparer.Ordinal);
        var broken = from file in Repository.Files("", ".md")
                     from Match link in Link().Matches(file.Text)
                     let target = link.Groups[1].Value
                     where !target.StartsWith("http", StringComparison.Ordinal) && !target.EndsWith(".png", StringComparison.Ordinal)
                     let path = Path.Combine(Path.GetDirectoryName(file.Path) ?? "", target).Replace('\\', '/')
                     where !known.Contains(path)
                     select $"{file.Path}: {target}";
        Assert.Empty(broken);
    }

    private static IEnumerable<string> Compile(string snippet)
    {
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Select(path => MetadataReference.CreateFromFile(path));
        return CSharpCompilation.Create("Snippet", [CSharpSyntaxTree.ParseText(snippet)], references,
                new(OutputKind.ConsoleApplication, nullableContextOptions: NullableContextOptions.Enable))
            .GetDiagnostics().Where(found => found.Severity >= DiagnosticSeverity.Warning).Select(found => found.ToString());
    }

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Snippet();

    [GeneratedRegex(@"\]\(([^)#\s]+)\)")]
    private static partial Regex Link();
}
