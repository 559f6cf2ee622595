using Afterimage.Numerics;

namespace Afterimage.Audit.Cases;

/// <summary>
/// A small federation that trains the model before its updates are attacked: clients that hold images of the client's data set, and a
/// server that averages what they send, after each client's defense (McMahan et al., 2017; server momentum: Hsu et al., 2019).
/// </summary>
[Cites("mcmahan2017communication", "hsu2019measuring")]
public sealed record FederationSettings : ISettings
{
    /// <summary>Clients that train the model; each of them in every round.</summary>
    [Range(1, 10_000)]
    public int Clients { get; init; } = 4;

    /// <summary>Rounds of training.</summary>
    [Range(0, 1_000_000)]
    public int Rounds { get; init; } = 100;

    /// <summary>Images that the clients hold together, at most; what held-out clients and the test leave.</summary>
    [Range(1, 10_000_000)]
    public int TrainImages { get; init; } = 2000;

    /// <summary>Images of the test, which no client holds.</summary>
    [Range(1, 1_000_000)]
    public int TestImages { get; init; } = 500;

    /// <summary>Images of one client's update while the model is trained; null: as many as in the attacked updates.</summary>
    [Range(1, 65_536)]
    public int? ClientBatch { get; init; } = 16;

    /// <summary>
    /// Concentration of the Dirichlet distribution that each class is split over the clients by; small values give every client few
    /// classes. 0 splits at random (IID).
    /// </summary>
    [Range(0, 1e6)]
    public double Dirichlet { get; init; }

    /// <summary>Step size of the server; null: 1 for weight differences and 0.1 for gradients. One rate serves every defense.</summary>
    [Range(0, 1e6)]
    public double? ServerRate { get; init; }

    /// <summary>Momentum of the server, in [0,1).</summary>
    [Range(0, 1, MaximumIsExclusive = true)]
    public double ServerMomentum { get; init; } = 0.9;

    /// <summary>Held-out clients whose updates are attacked; the model is never trained on their images.</summary>
    [Range(1, 1000)]
    public int Attacked { get; init; } = 2;

    /// <summary>After how many rounds they are attacked; empty: at the beginning, in the middle and at the end.</summary>
    [Range(0, 1_000_000)]
    public ValueList<int> AttackRounds { get; init; } = [];

    /// <summary>What a setting must meet, for example "identification &lt;= 0.05"; null asks for nothing.</summary>
    public string? Require { get; init; }

    /// <summary>Whether a setting may count as meeting the requirement although an attack on it did not converge.</summary>
    public bool AllowInconclusive { get; init; }

    /// <inheritdoc/>
    public string? Fault => AttackRounds.FirstOrDefault(round => round > Rounds) is > 0 and var late
        ? $"attackRounds has {late}, but the federation trains for {Rounds} rounds: lower it, or train longer" : null;

    /// <summary>The rounds after which updates are attacked, in order.</summary>
    public IReadOnlyList<int> Probes() =>
        [.. (AttackRounds.Count > 0 ? AttackRounds : [0, Rounds / 2, Rounds]).Distinct().Order()];

    /// <summary>The federation in words.</summary>
    public string Words() => FormattableString.Invariant(
        $"{Clients} clients, {Rounds} rounds, {(Dirichlet == 0 ? "IID split" : $"Dirichlet split of concentration {Dirichlet}")}");
}
