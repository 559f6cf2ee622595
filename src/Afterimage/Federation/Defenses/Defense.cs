using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// What a client does to its update before it sends it: y = D(A(x)). A defense acts on the whole update of a round; what acts on every
/// example's gradient is a part of the local training. A defense of strength zero sends the update as it is, bit for bit.
/// </summary>
public abstract record Defense
{
    /// <summary>What is sent in place of an update, in the caller's scope.</summary>
    /// <param name="update">What local training made of the batch.</param>
    /// <param name="random">The client's own stream; the server never sees it.</param>
    /// <param name="round">What else the client has at hand; null where only the update is.</param>
    /// <exception cref="AfterimageException">The settings mean nothing, or the update does not fit.</exception>
    public abstract GradientSet Protect(GradientSet update, RandomSource random, LocalRound? round = null);

    /// <summary>What an attacker who knows the defense and its strength knows of the way from A(x) to the update that it sees.</summary>
    /// <param name="model">The shared model, which some need; null where none is open yet.</param>
    /// <exception cref="AfterimageException">The settings mean nothing.</exception>
    public abstract Channel Known(VictimModel? model = null);
}
