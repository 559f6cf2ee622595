namespace Afterimage.Fidelities;

/// <summary>How far a predicted update is from the observed one.</summary>
public abstract record Fidelity
{
    /// <summary>How much each parameter tensor counts.</summary>
    public LayerWeighting Layers { get; init; } = LayerWeighting.Equal;

    /// <summary>Prepares the comparison with one observation.</summary>
    public abstract Misfit Against(GradientSet observed);
}

/// <summary>A fidelity bound to the observed update.</summary>
public abstract class Misfit
{
    /// <summary>The value at a predicted update and its derivative with respect to that update.</summary>
    public abstract (double Value, GradientSet Gradient) Evaluate(GradientSet predicted);
}
