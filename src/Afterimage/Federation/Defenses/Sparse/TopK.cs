using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// Sparsification (Aji and Heafield, 2017): only the numbers of largest magnitude are sent, zeros stand for the rest. An attacker compares
/// what was sent alone, and knows that the rest is no larger than the smallest number sent.
/// </summary>
[Cites("aji2017sparse")]
public sealed record TopK : Defense
{
    /// <summary>The share of the update's numbers that is sent, in (0,1]; 1 sends all.</summary>
    [Range(0, 1, MinimumIsExclusive = true)]
    public double Share { get; init; } = 0.1;

    /// <summary>Whether every parameter tensor sends its share, or the update as a whole.</summary>
    public bool EachTensor { get; init; }

    /// <summary>
    /// Earlier rounds whose unsent numbers the client has kept and adds (error feedback), from 0, a client without memory, to 1000.
    /// </summary>
    [Range(0, 1000)]
    public int Rounds { get; init; }

    /// <inheritdoc/>
    public override GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null)
    {
        Settings.Check(this);
        return Share == 1 ? update : Sent(ErrorFeedback.Added(update, Rounds, round, random, (sum, _) => Sent(sum)));
    }

    /// <inheritdoc/>
    public override Channel Known(VictimModel? model = null)
    {
        Settings.Check(this);
        return Share == 1 ? Channel.None : new SparseChannel(
            FormattableString.Invariant($"of whose numbers only the largest {100 * Share:0.###} % were sent") +
            (EachTensor ? " of each tensor" : "") + (Rounds > 0 ? $", to which the rest of {Rounds} earlier rounds was added" : ""),
            largest: true, EachTensor, Rounds);
    }

    private GradientSet Sent(GradientSet update) => EachTensor
        ? GradientSet.Gather(update.Layout, [.. update.Split().Select(part => Largest(part.reshape(-1)))])
        : new(update.Layout, Largest(update.Flat));

    private Tensor Largest(Tensor numbers)
    {
        var kept = numbers.abs().topk((int)Math.Ceiling(Share * numbers.numel()), sorted: false).indexes;
        return zeros_like(numbers).index_copy_(0, kept, numbers.index_select(0, kept));
    }
}
