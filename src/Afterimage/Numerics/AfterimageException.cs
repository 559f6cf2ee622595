namespace Afterimage;

/// <summary>A fault of the input, not of the program. Its message names the thing at fault and says what to do.</summary>
/// <param name="message">One sentence for the user.</param>
/// <param name="inner">What was caught, where there was something.</param>
public class AfterimageException(string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>One sentence for each fault, where the message joins several; otherwise empty.</summary>
    public IReadOnlyList<string> Faults { get; init; } = [];
}
