using Afterimage.Reports;

namespace Afterimage.Tests.Reports;

[Collection(Apart.Collection)]
public sealed class AuditViewTests : IDisposable
{
    private readonly ReportFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private AuditReport Report => _folder.Samples.Single();

    private AuditStarted Start(params string[] ids) =>
        new(Report with { Cases = [] }, [.. ids.Select(id => new CaseTitle(id, "case " + id))]);

    private CaseFinished Finish(string id, double at) => new(Report.Cases[0] with { Id = id }) { At = at };

    [Fact]
    public void An_audit_runs_from_start_to_report()
    {
        var view = AuditView.Replay([Start("a", "b"), new CaseStarted("a", "case a", 100) { At = 1 }]);
        Assert.Equal(["a", "b"], view.Cases.Select(title => title.Id));
        Assert.Equal("a", view.Running!.Case.Id);
        Assert.Null(view.Running.Last);

        view = AuditView.Reduce(view, Finish("a", 5));
        Assert.Null(view.Running);
        Assert.Single(view.Finished);

        view = AuditView.Reduce(view, new AuditFinished(Report) { At = 6 });
        Assert.Equal(Report.Title, view.Report!.Title);
        Assert.Equal(6, view.At);
    }

    [Fact]
    public void The_objective_of_a_restart_starts_anew_and_the_thumbnail_stays()
    {
        var thumbnail = new Thumbnail(1, 1, [1, 2, 3]);
        var view = AuditView.Replay([Start("a"), new CaseStarted("a", "case a", 100),
            new IterateSeen("a", 1, 1, 1, 9, thumbnail), new IterateSeen("a", 1, 2, 2, 8)]);
        Assert.Equal([9.0, 8.0], view.Running!.Objective);
        Assert.Same(thumbnail, view.Running.Last!.Thumbnail);

        view = AuditView.Reduce(view, new IterateSeen("a", 2, 1, 3, 7));
        Assert.Equal([7.0], view.Running!.Objective);
        Assert.Same(thumbnail, view.Running.Last!.Thumbnail);
    }

    [Fact]
    public void A_phase_begins_where_its_name_is_new()
    {
        var view = AuditView.Replay([Start("a"), new CaseStarted("a", "case a", 0), new PhaseSeen("a", "opens the model") { At = 1 },
            new PhaseSeen("a", "searches", 1, 9, "steps") { At = 2 }, new PhaseSeen("a", "searches", 5, 9, "steps") { At = 3 }]);
        Assert.Equal(new PhaseSeen("a", "searches", 5, 9, "steps") { At = 3 }, view.Running!.Phase);
        Assert.Equal(2, view.Running.PhaseAt);
        Assert.Equal(view with { At = 4 }, AuditView.Reduce(view, new PhaseSeen("b", "searches") { At = 4 }));
    }

    [Fact]
    public void A_late_iterate_of_another_case_changes_only_the_clock()
    {
        var view = AuditView.Replay([Start("a", "b"), new CaseStarted("b", "case b", 0)]);
        var after = AuditView.Reduce(view, new IterateSeen("a", 1, 1, 1, 9) { At = 3 });
        Assert.Equal(view with { At = 3 }, after);
        Assert.Equal(view, AuditView.Reduce(view, Finish("a", 0)) with { Ended = view.Ended });
    }

    [Fact]
    public void The_clock_never_runs_backward() =>
        Assert.Equal(5, AuditView.Replay([Start("a"), new CaseStarted("a", "case a", 0) { At = 5 },
            new IterateSeen("a", 1, 1, 1, 9) { At = 4 }]).At);

    [Fact]
    public void A_case_that_finishes_again_replaces_its_first_result()
    {
        var again = Finish("a", 9) with { Report = Report.Cases[0] with { Id = "a", Outcome = "Converged again" } };
        Assert.Equal("Converged again", Assert.Single(AuditView.Replay([Start("a"), Finish("a", 5), again]).Finished).Outcome);
    }

    [Fact]
    public void A_resumed_audit_drops_cases_that_left_the_plan()
    {
        var view = AuditView.Replay([Start("a", "b"), Finish("a", 5), Finish("b", 6), new CaseStarted("b", "case b", 0) { At = 7 },
            Start("b", "c")]);
        Assert.Equal(["b"], view.Finished.Select(found => found.Id));
        Assert.Null(view.Running);
        Assert.Equal(0, view.At);
    }
}
