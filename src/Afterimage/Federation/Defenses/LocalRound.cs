using Afterimage.Models;

namespace Afterimage.Federation;

/// <summary>
/// What a client has at hand in a round besides its update, for defenses that look at the batch, the model or earlier rounds. It is
/// private: no attack gets it.
/// </summary>
/// <param name="Model">The shared model before the round; borrowed.</param>
/// <param name="Batch">What the client trained on.</param>
/// <param name="Training">How it trained.</param>
/// <param name="Earlier">
/// The update of an earlier round, from 1 (the one before this) on, made of other images of the client at the same shared model; null
/// where there was none. The caller owns it.
/// </param>
public sealed record LocalRound(VictimModel Model, Batch Batch, LocalTraining Training, Func<int, GradientSet>? Earlier = null)
{
    /// <summary>The round, or one sentence for a defense that cannot work without it.</summary>
    /// <exception cref="AfterimageException">There is none.</exception>
    public static LocalRound Needed(LocalRound? round, string defense) => round ?? throw new AfterimageException(
        $"\"{defense}\" looks at the client's batch and model, which are not at hand here: use it for a simulated client.");
}
