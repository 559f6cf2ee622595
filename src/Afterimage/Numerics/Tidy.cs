namespace Afterimage.Numerics;

/// <summary>
/// Where native memory is given back. A scope disposes every tensor made in it; three places open one: the case, the
/// attack, one evaluation. Functions between them return fresh tensors and dispose of nothing.
/// </summary>
public static class Tidy
{
    public static DisposeScope Scope() => NewDisposeScope();

    /// <summary>Runs a function in a scope of its own and keeps only the tensor that it returns.</summary>
    public static Tensor Keep(Func<Tensor> function)
    {
        using var scope = NewDisposeScope();
        return function().MoveToOuterDisposeScope();
    }
}
