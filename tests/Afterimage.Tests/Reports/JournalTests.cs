using Afterimage.Reports;

namespace Afterimage.Tests.Reports;

[Collection(Apart.Collection)]
public sealed class JournalTests : IDisposable
{
    private readonly ReportFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string Lines => _folder.File(Journal.FileName);

    [Fact]
    public void A_folder_without_a_journal_has_no_events() => Assert.Empty(Journal.Read(_folder.File("new")));

    [Fact]
    public void Events_come_back_in_order_across_openings()
    {
        AuditEvent[] events = [new CaseStarted("a", "first", 10), new IterateSeen("a", 1, 1, 1, 2.5) { At = 1 },
            new CaseStarted("b", "zweiter ½", 0) { At = 2 }];
        using (var journal = Journal.Open(_folder.File("deep/new")))
            journal.Append(events[0]);
        using (var journal = Journal.Open(_folder.File("deep/new")))
        {
            journal.Append(events[1]);
            journal.Append(events[2]);
            Assert.Equal(events, Journal.Read(_folder.File("deep/new")));
        }
    }

    [Fact]
    public void A_torn_last_line_is_ignored_and_the_next_run_writes_over_it()
    {
        Write(new CaseStarted("a", "first", 10));
        File.AppendAllText(Lines, ReportJson.WriteEvent(new CaseStarted("torn", "é", 10))[..^4]);
        Assert.Equal([new CaseStarted("a", "first", 10)], Journal.Read(_folder.Path));

        Write(new CaseStarted("b", "second", 10));
        Assert.Equal([new CaseStarted("a", "first", 10), new CaseStarted("b", "second", 10)], Journal.Read(_folder.Path));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4095)]
    [InlineData(4096)]
    [InlineData(9000)]
    public void A_torn_line_of_any_length_is_cut_off(int length)
    {
        Write(new CaseStarted("a", "first", 10));
        var whole = new FileInfo(Lines).Length;
        File.AppendAllText(Lines, new string('\0', length));
        Assert.Single(Journal.Read(_folder.Path));
        Journal.Open(_folder.Path).Dispose();
        Assert.Equal(whole, new FileInfo(Lines).Length);
    }

    [Fact]
    public void A_corrupt_line_elsewhere_is_named()
    {
        Write(new CaseStarted("a", "first", 10));
        File.AppendAllText(Lines, "{\"event\":\"case-st\n");
        Write(new CaseStarted("b", "second", 10));
        var fault = Assert.Throws<ReportException>(() => Journal.Read(_folder.Path));
        Assert.Contains(Lines, fault.Message);
        Assert.Contains("line 2", fault.Message);
    }

    [Theory]
    [InlineData(24_000)]
    [InlineData(300)]
    [InlineData(0)]
    public void A_case_adds_a_bounded_number_of_iterates_spread_over_its_run(int budget)
    {
        var steps = budget == 0 ? 24_000 : budget;
        using (var journal = Journal.Open(_folder.Path))
        {
            journal.Append(new CaseStarted("a", "first", budget));
            for (var step = 1; step <= steps; step++)
                journal.Append(new IterateSeen("a", 1, step, step, 1.0 / step, new Thumbnail(1, 1, [1, 2, 3])));
        }
        var kept = Journal.Read(_folder.Path).OfType<IterateSeen>().ToArray();
        Assert.InRange(kept.Length, 100, IterateThinning.LinesPerCase);
        Assert.All(kept, seen => Assert.Null(seen.Thumbnail));
        Assert.InRange(kept[^1].Evaluations, steps * 0.9, steps);
    }

    [Fact]
    public void The_latest_picture_of_a_case_lies_beside_the_journal_while_it_runs()
    {
        var picture = EmergingPictures.PathOf(_folder.Path, "a");
        using (var journal = Journal.Open(_folder.Path))
        {
            journal.Append(new IterateSeen("a", 0, 1, 1, 1, new Thumbnail(1, 1, [1, 2, 3])) { At = 1 });
            Assert.Equal(Png.Rgb(1, 1, [1, 2, 3]), File.ReadAllBytes(picture));
            journal.Append(new IterateSeen("a", 0, 2, 2, 1, new Thumbnail(1, 1, [4, 5, 6])) { At = 1.1 });
            Assert.Equal(Png.Rgb(1, 1, [1, 2, 3]), File.ReadAllBytes(picture));
            journal.Append(new IterateSeen("a", 0, 3, 3, 1, new Thumbnail(1, 1, [7, 8, 9])) { At = 1.3 });
            journal.Append(new IterateSeen("b", 0, 1, 1, 1, new Thumbnail(1, 1, [7, 8, 9])) { At = 1.3 });
            Assert.Equal(Png.Rgb(1, 1, [7, 8, 9]), File.ReadAllBytes(picture));
            journal.Append(new LabelsRead("a", "first", new() { Rule = "idlg", BatchSize = 1 }, 1));
            Assert.False(File.Exists(picture));
        }
        Assert.False(Directory.Exists(Path.GetDirectoryName(picture)));
    }

    [Fact]
    public void A_folder_is_held_while_its_lock_lives()
    {
        Assert.False(FolderLock.IsHeld(_folder.Path));
        using (FolderLock.Take(_folder.Path))
            Assert.True(FolderLock.IsHeld(_folder.Path));
        Assert.False(FolderLock.IsHeld(_folder.Path));
        File.WriteAllText(_folder.File(FolderLock.FileName), "");
        Assert.False(FolderLock.IsHeld(_folder.Path));
    }

    [Fact]
    public void A_phase_is_one_line_where_it_begins()
    {
        Write(new CaseStarted("a", "first", 0), new PhaseSeen("a", "multiplies", 0, 9, "columns"),
            new PhaseSeen("a", "multiplies", 5, 9, "columns"), new PhaseSeen("b", "multiplies"), new PhaseSeen("a", "decomposes"));
        Assert.Equal([new("a", "multiplies", 0, 9, "columns"), new("b", "multiplies"), new PhaseSeen("a", "decomposes")],
            Journal.Read(_folder.Path).OfType<PhaseSeen>());
    }

    [Fact]
    public void The_first_iterate_of_each_restart_is_kept()
    {
        var thinning = new IterateThinning(budget: 10_000);
        Assert.True(thinning.Keeps(new("a", 1, 1, 1, 1)));
        Assert.False(thinning.Keeps(new("a", 1, 2, 2, 1)));
        Assert.True(thinning.Keeps(new("a", 2, 1, 3, 1)));
        Assert.True(thinning.Keeps(new("a", 2, 60, 60, 1)));
    }

    [Fact]
    public void A_run_resumes_from_its_finished_cases()
    {
        var report = _folder.Samples.Single();
        var done = report.Cases[0] with { Id = "a" };
        CaseTitle[] plan = [new("a", "first"), new("b", "second")];
        Write(new AuditStarted(report with { Cases = [] }, [.. plan]), new CaseStarted("a", "first", 10),
            new CaseFinished(done) { At = 90 },
            new CaseStarted("b", "second", 10) { At = 91 });

        var before = AuditView.Replay(Journal.Read(_folder.Path));
        Assert.Equal(["b"], plan.Select(title => title.Id).Except(before.Finished.Select(found => found.Id)));

        Write(new AuditStarted(report with { Cases = [] }, [.. plan]) { At = 0.1 }, new CaseStarted("b", "second", 10) { At = 0.2 },
            new CaseFinished(done with { Id = "b" }) { At = 70 });
        var after = AuditView.Replay(Journal.Read(_folder.Path));
        Assert.Equal(["a", "b"], after.Finished.Select(found => found.Id));
        Assert.Equal(70, after.At);
        Assert.Null(after.Running);
    }

    [Fact]
    public void Many_threads_may_write()
    {
        using (var journal = Journal.Open(_folder.Path))
            Parallel.For(0, 64, index => journal.Append(new CaseStarted($"{index}", new string('x', 300), 0)));
        Assert.Equal(64, Journal.Read(_folder.Path).Cast<CaseStarted>().Select(started => started.Id).Distinct().Count());
    }

    private void Write(params AuditEvent[] events)
    {
        using var journal = Journal.Open(_folder.Path);
        foreach (var next in events)
            journal.Append(next);
    }
}
