using System.Text.Json.Nodes;
using Afterimage.Audit.Execution;
using Afterimage.Audit.Measurements;
using Afterimage.Numerics;
using Afterimage.Sweeps.Database;
using Afterimage.Sweeps.Files;
using Afterimage.Tests.Cli;
using Afterimage.Tests.Execution;

namespace Afterimage.Tests.Sweeps;

/// <summary>What a worker lets in, and what a command line must not hold.</summary>
public class SecurityTests
{
    private const string Secret = "unspeakable";

    [Theory]
    [InlineData("Host=localhost;Password=" + Secret, "leave it out")]
    [InlineData("Host=localhost;Pwd=" + Secret, "leave it out")]
    [InlineData("Nonsense=" + Secret, "no connection string")]
    [InlineData("Database=sweeps", "names no host")]
    public void A_password_on_the_command_line_is_refused_and_not_repeated(string on, string words)
    {
        var told = Commanded.Run("sweep", "status", "--on", on);
        Assert.Equal(1, told.Code);
        Assert.Contains(words, told.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, told.Error + told.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_database_that_does_not_answer_is_told() => Assert.Contains("check Host and Port",
        Commanded.Run("sweep", "status", "--on", "Host=127.0.0.1;Port=1;Username=nobody;Database=none").Error, StringComparison.Ordinal);

    [Fact]
    public void Paths_outside_the_roots_are_refused_through_links_too()
    {
        using var folder = new TemporaryFolder();
        Directory.CreateDirectory(folder["data"]);
        folder.Write("secret", "no");
        File.WriteAllText(Path.Combine(folder["data"], "good"), "yes");
        File.CreateSymbolicLink(Path.Combine(folder["data"], "link"), folder["secret"]);
        Assert.EndsWith("good", DataRoots.Inside("good", [folder["data"]]), StringComparison.Ordinal);
        foreach (var path in (string[])["../secret", "link", folder["secret"], "missing"])
            Assert.Contains("does not lie in a folder of data", Assert.Throws<AfterimageException>(() =>
                DataRoots.Inside(path, [folder["data"]])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_travel_by_the_hash_of_their_content_and_the_case_keeps_its_name()
    {
        using var folder = new TemporaryFolder();
        folder.Write("weights.npz", "not really");
        var one = SmallAudit.Files.Expand(SmallAudit.Experiment with
        {
            Model = SmallAudit.Experiment.Model with { Weights = folder["weights.npz"] },
        })[0];
        var order = CaseOrder.For(one, new AttackAndJudge(), new() { Folder = "." }, one.Json);
        var content = File.ReadAllBytes(folder["weights.npz"]);
        var packed = TravelingFiles.Packed(SmallAudit.Files, order, path => TravelingFiles.Hash(File.ReadAllBytes(path)));
        Assert.StartsWith("blob:", packed.Configuration.Model.Weights, StringComparison.Ordinal);
        Assert.Equal(one.Id, packed.Case(SmallAudit.Files).Id);
        var arrived = TravelingFiles.Unpacked(SmallAudit.Files, packed, folder["cache"], [], _ => content);
        Assert.Equal(content, File.ReadAllBytes(arrived.Configuration.Model.Weights!));
        Assert.Equal(one.Id, arrived.Case(SmallAudit.Files).Id);
        Assert.Contains("did not arrive as it was sent", Assert.Throws<AfterimageException>(() => TravelingFiles.Unpacked(
            SmallAudit.Files, packed, folder["other"], [], _ => [1])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Needs_name_a_queue()
    {
        var needs = CaseNeeds.Of("""{"client": {"data": {"kind": "cifar10"}}, "b": [{"kind": "idx-images"}]}""", "cpu", 2000);
        Assert.Equal(["cifar10", "mnist"], needs.Data);
        Assert.Equal("cpu_2000m_cifar10_mnist", needs.Queue);
        Assert.Empty(CaseNeeds.Of("""{"kind": "cifar10", "folder": "here"}""", "cpu", 0).Data);
    }

    [Fact]
    public void Every_file_that_a_part_names_is_known()
    {
        string[] words = ["folder", "name", "pattern", "separator", "title"];
        foreach (var root in SmallAudit.Files.Catalog.Roots)
            foreach (var part in SmallAudit.Files.Catalog.Parts(root).Where(part => part.Assembly != GetType().Assembly))
                foreach (var member in part.GetProperties()
                    .Where(property => property.PropertyType == typeof(string) && property.SetMethod is not null))
                {
                    var name = JsonNamingPolicyOf(member.Name);
                    Assert.True(words.Contains(name) || FileNames.IsFile(Catalog.Kind(part), name), $"{part.Name}.{member.Name}");
                }
    }

    private static string JsonNamingPolicyOf(string name) => System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(name);
}
