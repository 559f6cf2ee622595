namespace Afterimage.Reports;

/// <summary>
/// Decides which iterates of a case are written to the journal: evenly spaced ones where the budget is known, otherwise such that
/// each gap is a sixteenth of the evaluations so far, and the first one of each restart.
/// </summary>
/// <param name="budget">The largest number of evaluations that the case may use; 0 where it is unknown.</param>
internal sealed class IterateThinning(int budget)
{
    /// <summary>The largest number of iterates of one case.</summary>
    public const int LinesPerCase = 200;

    private int _kept;
    private int _restart = -1;
    private int _evaluations;

    public bool Keeps(IterateSeen seen)
    {
        var gap = budget > 0 ? Math.Max(1, (budget + LinesPerCase - 1) / LinesPerCase) : Math.Max(1, seen.Evaluations / 16);
        if (_kept == LinesPerCase || (seen.Restart == _restart && seen.Evaluations - _evaluations < gap))
            return false;
        (_kept, _restart, _evaluations) = (_kept + 1, seen.Restart, seen.Evaluations);
        return true;
    }
}
