namespace Afterimage.Numerics;

/// <summary>
/// Dispose scopes of native memory. A scope disposes every tensor that was made in it. Three places open one: the case, the
/// attack, and one evaluation; functions between them return fresh tensors and dispose of nothing.
/// </summary>
public static class Tidy
{
    /// <summary>Opens a scope; its disposal disposes the tensors made since.</summary>
    public static DisposeScope Scope()
    {
        ConvolutionCheck.Ensure();
        return NewDisposeScope();
    }

    /// <summary>Runs a function in a scope of its own and keeps only the tensor that it returns.</summary>
    public static Tensor Keep(Func<Tensor> function)
    {
        using var scope = Scope();
        return function().MoveToOuterDisposeScope();
    }
}
