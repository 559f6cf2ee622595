using Afterimage.Attacks;

namespace Afterimage.Tests;

/// <summary>Bad input is answered with a sentence.</summary>
internal static class Refusal
{
    /// <summary>The action fails with a message that holds these words.</summary>
    public static void Says(string words, Action action) =>
        Assert.Contains(words, Assert.ThrowsAny<AfterimageException>(action).Message, StringComparison.Ordinal);

    /// <summary>The attack is refused, for its settings or for the round, with a sentence that holds these words.</summary>
    public static void Says(string words, Func<Reconstruction> attack) => Says(words, () =>
    {
        using var found = attack();
        if (found.Outcome.Kind == OutcomeKind.Refused)
            throw new AfterimageException(found.Outcome.Advice);
    });

    public static void Says(string words, Func<object> function) => Says(words, () => { function(); });
}
