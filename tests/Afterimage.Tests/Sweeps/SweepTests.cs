using System.Text.Json.Nodes;
using Afterimage.Attacks;
using Afterimage.Audit.Cases;
using Afterimage.Audit.Execution;
using Afterimage.Audit.Measurements;
using Afterimage.Numerics;
using Afterimage.Reports;
using Afterimage.Reports.Exporters;
using Afterimage.Sweeps;
using Afterimage.Tests.Cli;
using Afterimage.Tests.Execution;

namespace Afterimage.Tests.Sweeps;

/// <summary>Sweeps on one machine: listed cases, shares, their merge, and what refuses to run.</summary>
public class SweepTests
{
    [Fact]
    public void Listed_cases_stand_beside_the_product_and_come_once()
    {
        var experiment = SmallAudit.Experiment with
        {
            Vary = [new("/client/batchSize", [1, 2])],
            Cases = [[new("/client/batchSize", 2)], [new("/client/batchSize", 3), new("/seed", 5)]],
        };
        var cases = SmallAudit.Files.Expand(experiment);
        Assert.Equal(["batchSize 1", "batchSize 2", "batchSize 3, seed 5"], cases.Select(one => one.Name));
        Assert.Equal(5UL, cases[2].Configuration.Seed);
        Assert.Equal(2, SmallAudit.Files.Expand(experiment with { Vary = [] }).Count);
        Assert.Equal(experiment.Cases, SmallAudit.Files.Parse(SmallAudit.Files.Write(experiment), "again").Cases);
    }

    [Fact]
    public void A_listed_case_that_says_nothing_or_something_twice_is_refused()
    {
        string Fault(ValueList<Setting> settings) => Assert.Throws<AfterimageException>(() =>
            SmallAudit.Files.Expand(SmallAudit.Experiment with { Cases = [settings] })).Message;
        Assert.Contains("/cases/0 has no settings", Fault([]), StringComparison.Ordinal);
        Assert.Contains("sets /seed twice", Fault([new("/seed", 1), new("/seed", 2)]), StringComparison.Ordinal);
    }

    [Fact]
    public void Shares_are_a_partition()
    {
        var cases = SmallAudit.Files.Expand(SmallAudit.Experiment with { Trials = 7 });
        var shares = Enumerable.Range(0, 3).SelectMany(index => new Shard(index, 3).Of(cases)).ToArray();
        Assert.Equal(cases.Select(one => one.Id).Order(), shares.Select(one => one.Id).Order());
        Assert.Equal(new Shard(2, 8), Shard.Parse("2/8"));
    }

    [Theory]
    [InlineData("8/8")]
    [InlineData("1")]
    [InlineData("-1/4")]
    [InlineData("a/b")]
    public void What_is_no_share_is_told(string text) =>
        Assert.Contains("0/8 for the first of " +
            "eight", Assert.Throws<AfterimageException>(() => Shard.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public async Task Merged_shares_equal_the_whole()
    {
        using var folder = new TemporaryFolder();
        var experiment = SmallAudit.Experiment with { Trials = 3 };
        var alone = new AttackAndJudge { Leakage = LeakageChoice.Off };
        Task<(AuditReport Report, List<AuditEvent> Events)> Run(string name, Shard? shard) => SmallAudit.Run(experiment, alone,
            new() { Folder = folder[name], Shard = shard, Operator = OperatorChoice.Autograd });
        var whole = await Run("whole", null);
        await Run("0", new(0, 2));
        var (part, missing) = JournalMerge.Into(SmallAudit.Files, [folder["0"]], folder["part"], "afterimage sweep merge");
        Assert.Equal((2, 1), (part.Cases.Length, missing));
        await Run("1", new(1, 2));
        var (merged, none) = JournalMerge.Into(SmallAudit.Files, [folder["1"], folder["0"]], folder["merged"], "afterimage sweep merge");
        Assert.Equal(0, none);
        Assert.Equal(whole.Report.Cases.Select(one => (one.Id, one.RelativeMisfit)),
            merged.Cases.Select(one => (one.Id, one.RelativeMisfit)));
        Assert.Equal(Directory.GetFiles(folder["whole"], "*.npz", SearchOption.AllDirectories).Length,
            Directory.GetFiles(folder["merged"], "*.npz", SearchOption.AllDirectories).Length);
        var other = await SmallAudit.Run(experiment with { Seed = 9 }, alone, new() { Folder = folder["other"] });
        Assert.Contains("another experiment", Assert.Throws<AfterimageException>(() => JournalMerge.Into(SmallAudit.Files,
            [folder["0"], folder["other"]], folder["no"], "")).Message, StringComparison.Ordinal);
        Assert.NotEmpty(other.Report.Cases);
    }

    [Fact]
    public void A_table_of_results_is_a_parquet_file()
    {
        using var folder = new TemporaryFolder();
        var report = Audits.Report(Audits.Case("one", 0.5, 0.75), Audits.Case("two"));
        var content = File.ReadAllBytes(ParquetExporter.Export(report, folder.Path));
        Assert.Equal("PAR1"u8.ToArray(), content[..4]);
        Assert.Equal("PAR1"u8.ToArray(), content[^4..]);
        Assert.All(ResultTable.Of(report), column => Assert.Equal(3, column.Values.Length));
    }

    [Fact]
    public void Panels_are_drawn_for_two_axes()
    {
        var cases = from size in (int[])[1, 2] from kind in (string[])["none", "sign"]
                    select Audits.Case($"{size} {kind}", 0.5) with
                    {
                        Axes = System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty
                            .Add("batchSize", $"{size}").Add("defense", kind),
                        Images = [],
                    };
        var page = HtmlExporter.Write(Audits.Report([.. cases]), ".");
        Assert.Contains("By defense", page, StringComparison.Ordinal);
        Assert.Contains("defense sign, 2 cases", page, StringComparison.Ordinal);
    }
}
