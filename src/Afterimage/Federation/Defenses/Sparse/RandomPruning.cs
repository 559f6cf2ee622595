using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// Random sparsification (Konečný et al., 2016): every number is sent by chance, zeros stand for the rest. An attacker compares what was
/// sent alone.
/// </summary>
[Cites("konecny2016federated")]
public sealed record RandomPruning : Defense
{
    /// <summary>The probability that a number is sent, in (0,1]; 1 sends all.</summary>
    [Range(0, 1, MinimumIsExclusive = true)]
    public double Share { get; init; } = 0.1;

    /// <summary>
    /// Earlier rounds whose unsent numbers the client has kept and adds (error feedback), from 0, a client without memory, to 1000.
    /// </summary>
    [Range(0, 1000)]
    public int Rounds { get; init; }

    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null)
    {
        Settings.Check(this);
        return Share == 1 ? update : Sent(ErrorFeedback.Added(update, Rounds, round, random, Sent), random);
    }

    /// <inheritdoc/>
    public override Channel Known(VictimModel? model = null)
    {
        Settings.Check(this);
        return Share == 1 ? Channel.None : new SparseChannel(
            FormattableString.Invariant($"of whose numbers a random {100 * Share:0.###} % were sent") +
            (Rounds > 0 ? $", to which the rest of {Rounds} earlier rounds was added" : ""), largest: false, each: false, Rounds);
    }

    private GradientSet Sent(GradientSet update, RandomSource random)
    {
        using var generator = random.Derive("pruning").Generator(CPU);
        var kept = rand([update.Layout.Count], ScalarType.Float32, CPU, generator: generator).lt(Share);
        return new(update.Layout, update.Flat * kept.to(update.Flat.dtype).to(update.Flat.device));
    }
}
