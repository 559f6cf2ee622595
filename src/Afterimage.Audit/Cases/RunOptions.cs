using Afterimage.Numerics;

namespace Afterimage.Audit.Cases;

/// <summary>How an experiment is run; nothing here changes its numbers.</summary>
public sealed record RunOptions
{
    /// <summary>Where the report goes.</summary>
    public required string Folder { get; init; }

    /// <summary>"cpu" or "cuda".</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>How the forward operator is evaluated.</summary>
    public OperatorChoice Operator { get; init; }

    /// <summary>libtorch's threads, for every case.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>
    /// Threads that work at once: on cases first, and where there are fewer cases, on the restarts of each. The numbers are the same
    /// whatever it is.
    /// </summary>
    public int Parallel { get; init; } = 1;

    /// <summary>Whether each case runs in a child process, so that a case that ends its process ends no other.</summary>
    public bool Isolate { get; init; }

    /// <summary>The share of the cases that is run; null for all.</summary>
    public Shard? Shard { get; init; }

    /// <summary>The command line that repeats this run, for the report.</summary>
    public string Command { get; init; } = "afterimage audit";

    /// <summary>Whether cases that the folder's journal holds already are kept.</summary>
    public bool Resume { get; init; }
}
