using Afterimage.Federation;
using Afterimage.Priors;
using Afterimage.Solvers;

namespace Afterimage.Attacks;

/// <summary>Restarts that go side by side, one step each in turn, and are held together by what they agree on.</summary>
internal sealed class MatchingGroup(GroupConsistency prior, Labels labels)
{
    /// <param name="restarts">The members.</param>
    /// <param name="runs">Takes the members in.</param>
    /// <param name="see">Called at every iterate.</param>
    /// <param name="cancellation">Stops after the current iterate.</param>
    public void Descend(IEnumerable<MatchingRun> restarts, List<MatchingRun> runs, Action<MatchingRun, SolverStep> see, CancellationToken cancellation)
    {
        var going = new List<(MatchingRun Run, IEnumerator<SolverStep> Steps)>();
        try
        {
            foreach (var run in restarts)
            {
                runs.Add(run);
                going.Add((run, run.Descend().GetEnumerator()));
            }
            for (var round = 0; going.Count > 0; round++)
            {
                if (round >= prior.From && (round - prior.From) % prior.Every == 0 && round > 0)
                    Agree(runs, going.Select(member => member.Run));
                for (var i = going.Count - 1; i >= 0 && !cancellation.IsCancellationRequested; i--)
                {
                    if (going[i].Steps.MoveNext())
                    {
                        see(going[i].Run, going[i].Steps.Current);
                        continue;
                    }
                    going[i].Steps.Dispose();
                    going.RemoveAt(i);
                }
                if (cancellation.IsCancellationRequested)
                    break;
            }
        }
        finally
        {
            going.ForEach(member => member.Steps.Dispose());
        }
    }

    private void Agree(List<MatchingRun> runs, IEnumerable<MatchingRun> going)
    {
        var members = runs.Where(run => run.Best is not null).OrderBy(run => run.Value).ToList();
        if (members.Count < 2)
            return;
        var kept = members.Select(run => run.Objective.Consensus ??= zeros_like(run.Objective.Images(run.Best!))).ToList();
        using var scope = Tidy.Scope();
        var agreed = Consensus.Of([.. members.Select(run => run.Objective.Images(run.Best!))], labels.Classes, prior.Registration);
        foreach (var (place, consensus) in kept.Zip(agreed))
            place.copy_(consensus);
        foreach (var run in going)
            run.Forget();
    }
}
