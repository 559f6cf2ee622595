namespace Afterimage.Numerics;

/// <summary>
/// The operator A of one model and one local training, ready to be evaluated at batch after batch. Threads may share it; each
/// has memory of its own.
/// </summary>
public abstract class ForwardOperator : IDisposable
{
    /// <summary>Which implementation stands behind it: "autograd", "compiled", "finite differences" or "stepwise".</summary>
    public abstract string Name { get; }

    /// <summary>One sentence for the report: why this implementation.</summary>
    public required string Reason { get; init; }

    /// <summary>A(x) with its products, in the caller's scope.</summary>
    public abstract Linearization At(Batch batch);

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing) { }
}

/// <summary>Which implementation of the operator to use.</summary>
public enum OperatorChoice
{
    /// <summary>
    /// The compiled one where the model can be compiled and a short timing finds it faster; finite differences where the model has an
    /// operation without second derivative; step by step where there are many steps; otherwise automatic differentiation.
    /// </summary>
    Auto,

    /// <summary>Automatic differentiation through libtorch: any model, any local training, any device.</summary>
    Autograd,

    /// <summary>The compiled one, or a refusal.</summary>
    Compiled,

    /// <summary>Central differences of first-order gradients: any model, one gradient.</summary>
    FiniteDifferences,

    /// <summary>Local steps one by one: the memory of one step, for about the time of two evaluations.</summary>
    Stepwise,
}
