namespace Afterimage.Numerics;

/// <summary>What long work is at, for whoever looks on.</summary>
/// <param name="Name">A few words without a period, such as "trains the client".</param>
/// <param name="Done">Units of the phase that are done.</param>
/// <param name="Of">Units of the phase; 0 where nobody counts them.</param>
/// <param name="Unit">What is counted, in the plural; empty where nothing is.</param>
public readonly record struct Phase(string Name, long Done = 0, long Of = 0, string Unit = "")
{
    /// <summary>The same phase as a part of larger work.</summary>
    public Phase In(string whole) => this with { Name = $"{whole}: {Name}" };
}
