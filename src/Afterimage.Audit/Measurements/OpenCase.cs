using Afterimage.Audit.Cases;
using Afterimage.Audit.Clients;
using Afterimage.Federation;
using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Audit.Measurements;

/// <summary>
/// A case opened: its client has run the round, and its threat model has said what the attacker sees of it. The only place where the
/// two sides meet.
/// </summary>
public sealed class OpenCase : IDisposable
{
    private readonly bool owns;

    /// <summary>Runs the client's round and reveals what the threat model allows.</summary>
    /// <param name="one">The case.</param>
    /// <param name="stream">Names its stream of random numbers.</param>
    /// <param name="options">Device, operator, threads and folder.</param>
    /// <param name="effort">What the case has taken so far.</param>
    /// <param name="publish">Told of what happens on the way; thread-safe.</param>
    /// <param name="opened">The client's round, where it is open already; it stays its owner's.</param>
    /// <exception cref="AfterimageException">The client's data, model and update do not fit together.</exception>
    public OpenCase(Case one, string stream, RunOptions options, Effort effort, Action<AuditEvent> publish,
        ClientRound? opened = null)
    {
        var watch = new PhaseWatch(one.Id, publish);
        (Case, Options, Effort, Random) = (one, options, effort, new RandomSource(one.Configuration.Seed));
        if (one.Configuration.Client.Fault(one.Configuration.Model) is { } fault)
            throw new AfterimageException(fault);
        owns = opened is null;
        Round = opened ?? one.Configuration.Client.Open(one.Configuration.Model, one.Trial, Random, new Device(options.Device),
            watch.See);
        ForgetFiles(Round.Update.Layout.Count);
        try
        {
            Context = new()
            {
                Model = Round.Model,
                Observation = one.Configuration.Threat.Reveal(Round).Completed(Round.Model),
                Random = Random.Derive(stream, one.Trial),
                OperatorChoice = options.Operator,
                Workers = options.Parallel,
                PublicImages = one.Configuration.Threat.RevealPublicImages ? Round.KnownImages : null,
                Watch = watch.See,
            };
        }
        catch
        {
            if (owns)
                Round.Dispose();
            throw;
        }
    }

    /// <summary>What was read of large files is garbage by now, and the collector, which does not see tensors, is in no hurry.</summary>
    private static void ForgetFiles(long parameters)
    {
        const long Large = 20_000_000;
        if (parameters > Large)
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
    }

    /// <summary>The case that was opened.</summary>
    public Case Case { get; }

    /// <summary>Device, operator, threads and folder.</summary>
    public RunOptions Options { get; }

    /// <summary>What the case has taken so far.</summary>
    public Effort Effort { get; }

    /// <summary>The experiment's seed.</summary>
    public RandomSource Random { get; }

    /// <summary>The client's side.</summary>
    public ClientRound Round { get; }

    /// <summary>The attacker's side.</summary>
    public AttackContext Context { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        Context.Dispose();
        if (owns)
            Round.Dispose();
    }
}
