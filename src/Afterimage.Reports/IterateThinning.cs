namespace Afterimage.Reports;

/// <summary>
/// Which iterates of a case are worth a line: evenly spaced when the budget is known, otherwise ever wider apart (each gap a
/// sixteenth of the way so far), and the first one of each restart.
/// </summary>
/// <param name="budget">Evaluations that the case may use at most; 0 when unknown.</param>
public sealed class IterateThinning(int budget)
{
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
