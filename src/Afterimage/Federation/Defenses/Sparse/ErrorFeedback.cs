namespace Afterimage.Federation;

/// <summary>
/// The memory of a client that adds to every update what it did not send before (Seide et al., 2014; Karimireddy et al., 2019). Its earlier
/// rounds use other images of the client at the shared model of the observed round.
/// </summary>
internal static class ErrorFeedback
{
    /// <summary>The update with what is left of earlier rounds, oldest first.</summary>
    /// <param name="update">Of the observed round.</param>
    /// <param name="rounds">Earlier rounds; 0 is a client without memory.</param>
    /// <param name="round">Gives the earlier updates.</param>
    /// <param name="random">Of the client.</param>
    /// <param name="send">What of a sum is sent.</param>
    public static GradientSet Added(GradientSet update, int rounds, LocalRound? round, RandomSource random,
        Func<GradientSet, RandomSource, GradientSet> send)
    {
        if (rounds == 0)
            return update;
        var earlier = LocalRound.Needed(round, "memory").Earlier ?? throw new AfterimageException(
            "A defense with memory needs earlier rounds of its client, and this client has none: set rounds to 0.");
        var rest = zeros_like(update.Flat);
        for (var back = rounds; back > 0; back--)
        {
            using var own = earlier(back);
            var sum = new GradientSet(update.Layout, rest + own.Flat.to(update.Flat.dtype));
            rest = sum.Flat - send(sum, random.Derive("earlier", back)).Flat;
        }
        return new(update.Layout, update.Flat + rest);
    }
}
