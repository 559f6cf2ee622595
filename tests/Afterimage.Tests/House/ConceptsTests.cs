using Afterimage.Audit.Cases;
using Afterimage.Cli.Commands;

namespace Afterimage.Tests.House;

public class ConceptsTests
{
    [Fact]
    public void The_page_of_concepts_has_every_root_and_leaf()
    {
        var page = Assert.Single(Repository.Files("docs", ".md"), file => file.Path == "docs/concepts.md").Text;
        foreach (var (title, table) in LeafTables.Of(new ExperimentFile(Catalog.Standard).Catalog))
        {
            Assert.Contains($"{title}\n", page, StringComparison.Ordinal);
            Assert.True(page.Contains(table, StringComparison.Ordinal),
                $"docs/concepts.md: the table of {title} is not that of \"afterimage list --markdown\": put it there.");
        }
    }
}
