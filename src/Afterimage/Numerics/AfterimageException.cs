namespace Afterimage;

/// <summary>A fault of the input, not of the program: its message names the thing at fault and says what to do.</summary>
public class AfterimageException : Exception
{
    public AfterimageException(string message) : base(message) { }

    public AfterimageException(string message, Exception inner) : base(message, inner) { }
}
