using Afterimage.Reports;

namespace Afterimage.Cli.Console;

/// <summary>The progress of an audit.</summary>
/// <param name="Fraction">The share of the work that is done, in [0,1].</param>
/// <param name="Remaining">Seconds to the end if every case uses its whole budget; null while that cannot be estimated.</param>
internal readonly record struct Pace(double Fraction, double? Remaining)
{
    public static Pace Of(AuditView view, double elapsed)
    {
        if (view.Cases.IsEmpty)
            return new(0, null);
        var current = Current(view.Running, elapsed);
        var fraction = (view.Ended.Length + current.Fraction) / view.Cases.Length;
        if (view.Ended.Length >= view.Cases.Length)
            return new(1, 0);
        var waiting = view.Cases.Length - view.Ended.Length - view.AllRunning.Length;
        double? typical = view.Ended.Length > 0 ? view.Ended.Average(ended => ended.Seconds) : current.Whole;
        var now = current.Left ?? (view.Running is null ? 0 : typical);
        var later = waiting == 0 ? 0 : waiting * typical / Math.Max(1, view.AllRunning.Length);
        return new(fraction, now + later);
    }

    private static (double Fraction, double? Left, double? Whole) Current(RunningCase? running, double elapsed)
    {
        if (running?.Case.Seconds is { } most)
        {
            var spent = Math.Min(most, elapsed - running.StartedAt);
            return (spent / most, most - spent, most);
        }
        if (running is not { Last: { Evaluations: > 0 } last, Case.Budget: > 0 })
            return (0, null, null);
        var fraction = Math.Min(1, (double)last.Evaluations / running.Case.Budget);
        var whole = (elapsed - running.StartedAt) / fraction;
        return (fraction, whole * (1 - fraction), whole);
    }
}
