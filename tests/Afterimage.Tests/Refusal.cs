namespace Afterimage.Tests;

/// <summary>Bad input is answered with a sentence.</summary>
internal static class Refusal
{
    /// <summary>The action fails with a message that holds these words.</summary>
    public static void Says(string words, Action action) =>
        Assert.Contains(words, Assert.ThrowsAny<AfterimageException>(action).Message, StringComparison.Ordinal);

    public static void Says(string words, Func<object> function) => Says(words, () => { function(); });
}
