using System.Collections.Immutable;

namespace Afterimage.Reports.Conclusions;

/// <summary>How a federation trained under one defense, and what its updates gave away on the way.</summary>
public sealed record FederationReport
{
    /// <summary>The federation in words: clients, rounds, images, split.</summary>
    public required string Setting { get; init; }

    /// <summary>Test accuracy, from round 0 on.</summary>
    public required ImmutableArray<AccuracyPoint> Accuracy { get; init; }

    /// <summary>Images of the test.</summary>
    public required int TestImages { get; init; }

    /// <summary>Images of each class that each client holds, client by client.</summary>
    public ImmutableArray<ImmutableArray<int>> Clients { get; init; } = [];

    /// <summary>What the attacked updates gave away, round by round and client by client.</summary>
    public ImmutableArray<RoundLeak> Rounds { get; init; } = [];
}

/// <summary>Test accuracy after a round.</summary>
/// <param name="Round">Rounds so far; 0 is the untrained model.</param>
/// <param name="Accuracy">In [0,1].</param>
public sealed record AccuracyPoint(int Round, double Accuracy);

/// <summary>One attacked update of one round.</summary>
/// <param name="Round">Rounds that the attacked model had been trained for.</param>
/// <param name="Client">The held-out client, from 1.</param>
/// <param name="Outcome">How the attack ended.</param>
/// <param name="Misfit">Its relative misfit.</param>
/// <param name="Psnr">Over the images of the update; null where none came back.</param>
/// <param name="Identified">Images nearest to their own true image of a pool.</param>
/// <param name="Images">Images of the update.</param>
/// <param name="Forecast">What the best linear attacker is forecast to reach, in dB; null where it was not measured.</param>
/// <param name="Layers">What each layer tells, in the order of the model.</param>
public sealed record RoundLeak(int Round, int Client, string Outcome, double Misfit, Spread? Psnr, int Identified, int Images,
    Bracket? Forecast, ImmutableArray<LayerLeak> Layers);

/// <summary>What the part of an update that belongs to one parameter tensor tells.</summary>
/// <param name="Name">The parameter.</param>
/// <param name="Share">Its share of the trace of the Fisher information, noise in units of each tensor's root mean square; [0,1].</param>
/// <param name="Norm">Its share of the squared norm of the update, [0,1].</param>
public sealed record LayerLeak(string Name, double Share, double Norm);
