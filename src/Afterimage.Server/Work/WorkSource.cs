using System.Collections.Immutable;

namespace Afterimage.Server.Work;

/// <summary>
/// Who works on what, for the page. Here it is the queue of the runs that the page starts; a dispatcher over many machines is another
/// source, and the page shows whatever a source says.
/// </summary>
public abstract class WorkSource
{
    /// <summary>The workers and the queues as they are now. Called often, by one thread at a time.</summary>
    public abstract WorkState Now();
}

/// <summary>Workers and queues at one moment.</summary>
/// <param name="Workers">Everybody who could take a case.</param>
/// <param name="Queues">What waits.</param>
public sealed record WorkState(ImmutableArray<Worker> Workers, ImmutableArray<WaitingWork> Queues);

/// <summary>A process that takes work.</summary>
/// <param name="Name">For people, such as the name of its machine.</param>
/// <param name="Device">cpu or cuda:0.</param>
/// <param name="Cores">Cores that it may use.</param>
/// <param name="Doing">What it is at; null where it waits.</param>
public sealed record Worker(string Name, string Device, int Cores, string? Doing);

/// <summary>Work that waits.</summary>
/// <param name="Name">For people.</param>
/// <param name="Waiting">How many wait.</param>
/// <param name="Running">How many run.</param>
/// <param name="Failed">How many failed by themselves.</param>
public sealed record WaitingWork(string Name, int Waiting, int Running, int Failed);
