using System.Collections.Immutable;

namespace Afterimage.Reports.Conclusions;

/// <summary>Defenses beside one another: what each costs in accuracy and what it leaves to an attacker.</summary>
/// <param name="Points">One for each defense, in the order given.</param>
/// <param name="Requirement">The condition that a setting must meet; null for none.</param>
/// <param name="Choice">The setting that meets it at the least cost in accuracy; null where none does, or nothing is required.</param>
/// <param name="Sentence">The conclusion, for a reader who reads nothing else.</param>
public sealed record Frontier(ImmutableArray<FrontierPoint> Points, string? Requirement, string? Choice, string Sentence);

/// <summary>One defense.</summary>
public sealed record FrontierPoint
{
    /// <summary>Its name in the axes of the experiment.</summary>
    public required string Name { get; init; }

    /// <summary>Test accuracy at the end, over seeds.</summary>
    public required Spread Accuracy { get; init; }

    /// <summary>The 95 % interval of the accuracy over all test images of all seeds (Wilson).</summary>
    public required Bracket AccuracyInterval { get; init; }

    /// <summary>PSNR of all attacked images; null where nothing came back.</summary>
    public Spread? Psnr { get; init; }

    /// <summary>How often the true image was found in the pool; null where nothing came back.</summary>
    public IdentificationRate? Identification { get; init; }

    /// <summary>Share of images that are recognizable, in [0,1].</summary>
    public required double Recognizable { get; init; }

    /// <summary>What the best linear attacker is forecast to reach, in dB, the median over attacked updates; null where unknown.</summary>
    public double? Forecast { get; init; }

    /// <summary>Attacked updates.</summary>
    public required int Updates { get; init; }

    /// <summary>Attacks that explained their update; what the others did not bring back is no protection.</summary>
    public required int Converged { get; init; }

    /// <summary>Whether no other defense is both as accurate and leaks as little.</summary>
    public required bool OnFrontier { get; init; }

    /// <summary>Whether it meets the requirement; null where nothing is required.</summary>
    public bool? Meets { get; init; }
}
