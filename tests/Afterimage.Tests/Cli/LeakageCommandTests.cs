namespace Afterimage.Tests.Cli;

[Trait("Category", "slow")]
public class LeakageCommandTests
{
    [Fact]
    public void A_batch_is_measured_and_said_in_a_sentence()
    {
        using var folder = new TemporaryFolder();
        var run = Measure(folder, "--batch", "2", "--label-mix", "distinct");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains("The update of 2 images determines", run.Output, StringComparison.Ordinal);
        Assert.Contains("van Trees", run.Output, StringComparison.Ordinal);
        var lines = run.Output.Split('\n').Where(line => !line.Contains("leakage.html", StringComparison.Ordinal));
        Assert.All(lines, line => Assert.InRange(line.Length, 0, 80));
        Assert.True(File.Exists(folder["leakage.html"]));
        Assert.True(File.Exists(folder["leakage.json"]));
    }

    [Fact]
    public void A_sweep_answers_which_batch_can_still_be_read()
    {
        using var folder = new TemporaryFolder();
        var run = Measure(folder, "--sweep", "batch=1,3", "--label-mix", "any", "--unknowns", "64", "--steps", "8");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains("batchSize 3: measured in", run.Output, StringComparison.Ordinal);
        Assert.Contains("open", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--sweep", "size=1,2", "write batch= and sizes")]
    [InlineData("--sweep", "batch=1,x", "\"x\", which is no batch size")]
    [InlineData("--prior", "gan", "none of power-law, public")]
    [InlineData("--noise", "0", "/noise is 0")]
    [InlineData("--label-mix", "given", "none of")]
    [InlineData("--attack", "dlg", "There is no option --attack")]
    [InlineData("--threads", "0", "--threads needs a number of at least 1")]
    public void A_wrong_flag_is_answered_with_a_sentence(string flag, string value, string words)
    {
        using var folder = new TemporaryFolder();
        var run = Measure(folder, flag, value);
        Assert.Equal(1, run.Code);
        Assert.Contains(words, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sweep_that_cannot_end_does_not_begin()
    {
        using var folder = new TemporaryFolder();
        var run = Measure(folder, "--sweep", "batch=1,11", "--label-mix", "distinct");
        Assert.Equal(1, run.Code);
        Assert.DoesNotContain("[1/2]", run.Output, StringComparison.Ordinal);
        Assert.Contains("too few images for another batch of 11", run.Error, StringComparison.Ordinal);
    }

    private static Commanded Measure(TemporaryFolder folder, params string[] more) =>
        Commanded.Run(
        [
            "leakage", "--model", "mlp", "--set", "/model/depth=1", "--set", "/client/data/shape=1x8x8", "--set", "/client/data/count=300",
            "--out", folder.Path, .. more,
        ]);
}
