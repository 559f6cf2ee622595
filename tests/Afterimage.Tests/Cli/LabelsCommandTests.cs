using Afterimage.Audit.Measurements.LabelTables;

namespace Afterimage.Tests.Cli;

[Trait("Category", "slow")]
public class LabelsCommandTests
{
    [Fact]
    public void Counts_confidence_and_reasons_are_printed()
    {
        var run = Read("--batch", "3");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Contains("3 images, by refined-counts", run.Output, StringComparison.Ordinal);
        Assert.Contains("confidence", run.Output, StringComparison.Ordinal);
        Assert.Contains("for certain", run.Output, StringComparison.Ordinal);
        Assert.All(run.Output.Split('\n'), line => Assert.InRange(line.Length, 0, 80));
    }

    [Fact]
    public void Json_says_the_same()
    {
        var run = Read("--batch", "2", "--label-mix", "same", "--json");
        Assert.Equal(0, run.Code);
        Assert.Contains("\"rule\": \"refined-counts\"", run.Output, StringComparison.Ordinal);
        Assert.Contains("\"trueCount\": 2", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hidden_batch_size_is_estimated()
    {
        var run = Read("--batch", "3", "--label-mix", "distinct", "--hide-batch-size");
        Assert.Equal(0, run.Code);
        Assert.Contains("3 images (estimated", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--label-mix", "balanced")]
    [InlineData("--label-mix", "repeated")]
    public void Mixes_are_drawn(string flag, string mix) => Assert.Equal(0, Read("--batch", "4", flag, mix).Code);

    [Theory]
    [InlineData("--rule", "idlg", "reads one label")]
    [InlineData("--rule", "given", "does not reveal")]
    [InlineData("--rule", "nonsense", "nonsense")]
    [InlineData("--batches", "1,x", "write numbers of at least 1", "--table")]
    [InlineData("--models", "vgg", "The table knows the models", "--table")]
    [InlineData("--seeds", "0", "at least 1", "--table")]
    public void A_wrong_flag_is_answered_with_a_sentence(string flag, string value, string words, params string[] more)
    {
        using var folder = new TemporaryFolder();
        var run = Read(["--batch", "2", flag, value, "--out", folder.Path, .. more]);
        Assert.Equal(1, run.Code);
        Assert.Contains(words, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_table_is_written_and_goes_on_where_it_was()
    {
        using var folder = new TemporaryFolder();
        var options = new LabelTableOptions
        {
            Folder = folder.Path,
            Data = new Afterimage.Data.DeadLeaves { Count = 300 },
            Models = ["mlp"],
            Batches = [2, 12],
            Seeds = 1,
            Epochs = [0, 1],
        };
        var results = new LabelTable(options).Run();
        Assert.Equal(10, results.Count);
        Assert.All(results, result => Assert.Equal(LabelTable.Rules.Count, result.Accuracy.Count));
        var again = new List<string>();
        var more = new LabelTable(options with { Resume = true }).Run((done, all, name) => again.Add($"{done}/{all} {name}"));
        Assert.Equal(results.Select(result => result.ToLine()), more.Select(result => result.ToLine()));
        Assert.Equal(["1/1 mlp, seed 0"], again);
        var text = LabelTableText.Write(more, LabelTable.Rules.Select(rule => rule.Name));
        Assert.Contains("| mlp | 12 | distinct (more images than classes) | – |", text, StringComparison.Ordinal);
        Assert.Contains("### Calibration", text, StringComparison.Ordinal);
    }

    private static Commanded Read(params string[] more) =>
        Commanded.Run(["labels", "--model", "mlp", "--set", "/client/data/shape=1x12x12", "--set", "/client/data/count=300", .. more]);
}
