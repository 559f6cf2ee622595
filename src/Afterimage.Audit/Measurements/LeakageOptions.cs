using Afterimage.Leakage;
using Afterimage.Numerics;

namespace Afterimage.Audit.Measurements;

/// <summary>How the leakage of an experiment's batches is measured.</summary>
public sealed record LeakageOptions
{
    /// <summary>Where leakage.html and leakage.json go.</summary>
    public required string Folder { get; init; }

    public LeakageProbe Probe { get; init; } = new();

    /// <summary>What the forecasts know of images.</summary>
    public ImageKnowledge Knowledge { get; init; } = ImageKnowledge.PowerLaw;

    /// <summary>How the forward operator is evaluated.</summary>
    public OperatorChoice Operator { get; init; }

    /// <summary>libtorch's threads.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>The command line that measures it again, for the report.</summary>
    public string Command { get; init; } = "afterimage leakage";
}

/// <summary>A Gaussian model of images.</summary>
public enum ImageKnowledge
{
    /// <summary>The power of natural images falls as 1/f^2 and their channels correlate: no data needed.</summary>
    PowerLaw,

    /// <summary>The covariance of public images: the client's own source less its batch, where no other is named.</summary>
    PublicImages,
}
