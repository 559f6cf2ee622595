using Afterimage.Reports;

namespace Afterimage.Tests.Cli;

[Trait("Category", "slow")]
public class DefendCommandTests
{
    private static readonly string[] Small =
    [
        "--model", "mlp", "--set", "/client/data={\"kind\":\"dead-leaves\",\"shape\":\"1x8x8\",\"count\":60,\"classes\":3}",
        "--attack", "matching", "--iterations", "4", "--restarts", "1", "--leakage", "off",
    ];

    [Fact]
    public void A_federation_is_trained_attacked_and_compared_and_a_second_run_keeps_it()
    {
        using var folder = new TemporaryFolder();
        string[] line = ["defend", .. Small, "--rounds", "2", "--clients", "2", "--train-images", "20", "--test-images", "10",
            "--client-batch", "4", "--attacked", "1",
            "--defense", "{\"kind\":\"top-k\",\"share\":0.5}", "--require", "accuracy >= 0", "--allow-inconclusive",
            "--fail-if", "psnr.max > 99", "--out", folder.Path];
        var run = Commanded.Run(line);
        Assert.Equal((0, ""), (run.Code, run.Error));
        var report = ReportJson.Read(File.ReadAllText(folder["report.json"]));
        Assert.Equal(2, report.Frontier!.Points.Length);
        Assert.All(report.Cases, found => Assert.Equal([0, 1, 2], found.Federation!.Rounds.Select(leak => leak.Round)));
        Assert.All(report.Cases.SelectMany(found => found.Federation!.Rounds), 
            leak => Assert.Equal(1, leak.Layers.Sum(layer => layer.Share), 1e-9));
        Assert.Equal(report.Cases[0].Federation!.Accuracy[0], report.Cases[1].Federation!.Accuracy[0]);
        Assert.Contains("Utility against privacy", File.ReadAllText(folder["report.html"]), StringComparison.Ordinal);
        Assert.Equal(3, File.ReadAllLines(folder["frontier.csv"]).Length);
        var again = Commanded.Run([.. line, "--resume"]);
        Assert.Equal((0, ""), (again.Code, again.Error));
        Assert.Equal(report.Cases.Select(found => found.Cost), ReportJson.Read(File.ReadAllText(folder["report.json"])).Cases
            .Select(found => found.Cost));
    }

    [Theory]
    [InlineData("--split", "odd", "write iid, or dirichlet=")]
    [InlineData("--defense", "magic", "There is no defense \"magic\"")]
    [InlineData("--attack-rounds", "1,x", "which is no round")]
    [InlineData("--attack-rounds", "900", "attackRounds has 900")]
    [InlineData("--require", "luck > 3", "names \"luck\"")]
    [InlineData("--test-images", "600", "lower testImages")]
    public void A_wrong_flag_is_answered_with_a_sentence(string flag, string value, string words)
    {
        using var folder = new TemporaryFolder();
        var run = Commanded.Run(["defend", .. Small, flag, value, "--rounds", "1", "--out", folder.Path]);
        Assert.Equal(1, run.Code);
        Assert.Contains(words, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void An_audit_does_not_ignore_a_federation()
    {
        using var folder = new TemporaryFolder();
        var file = folder.Write("experiment.json", """{"federation":{"rounds":1}}""");
        var run = Commanded.Run("audit", file, "--out", folder["run"]);
        Assert.Equal(1, run.Code);
        Assert.Contains("run it with \"afterimage defend\"", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_piece_of_knowledge_is_compared_with_the_attacker_as_described()
    {
        using var folder = new TemporaryFolder();
        var run = Commanded.Run(["assumptions", .. Small, "--trials", "2", "--out", folder.Path]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains("labels given", run.Output, StringComparison.Ordinal);
        Assert.Contains("batch size withheld", run.Output, StringComparison.Ordinal);
        var report = ReportJson.Read(File.ReadAllText(folder["report.json"]));
        Assert.All(report.Pairs, pair => Assert.Equal(("threat", "as described", 2), (pair.Axis, pair.Left, pair.Images)));
        Assert.All(report.Cases, found => Assert.Equal("B", found.Threat!.Level));
    }

    [Fact]
    public void Rounds_of_one_batch_are_attacked_jointly()
    {
        using var folder = new TemporaryFolder();
        var run = Commanded.Run(["audit", .. Small, "--set", "/client/rounds=3", "--out", folder.Path]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        var found = Assert.Single(ReportJson.Read(File.ReadAllText(folder["report.json"])).Cases);
        Assert.Contains(found.Assumptions, known => known.Topic == "rounds");
        Assert.Contains("3 rounds of one batch", found.Operator, StringComparison.Ordinal);
    }
}
