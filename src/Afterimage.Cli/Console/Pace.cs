using Afterimage.Reports;

namespace Afterimage.Cli.Console;

/// <summary>How far an audit is and how long it may still take.</summary>
/// <param name="Fraction">Work done, in [0,1].</param>
/// <param name="Remaining">Seconds that are left at most if every case uses its whole budget, or null while nobody can know.</param>
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
        return new(fraction, now is null || (waiting > 0 && typical is null) ? null : now + waiting * (typical ?? 0) / Math.Max(1, view.AllRunning.Length));
    }

    private static (double Fraction, double? Left, double? Whole) Current(RunningCase? running, double elapsed)
    {
        if (running is not { Last: { Evaluations: > 0 } last, Case.Budget: > 0 })
            return (0, null, null);
        var fraction = Math.Min(1, (double)last.Evaluations / running.Case.Budget);
        var whole = (elapsed - running.StartedAt) / fraction;
        return (fraction, whole * (1 - fraction), whole);
    }
}
