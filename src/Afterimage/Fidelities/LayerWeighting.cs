namespace Afterimage.Fidelities;

/// <summary>The weights of the parameter tensors in a fidelity.</summary>
public enum LayerWeighting
{
    /// <summary>All numbers have weight 1.</summary>
    Equal,

    /// <summary>Each tensor is divided by the root mean square of its observed update.</summary>
    InverseRms,

    /// <summary>Each tensor is divided by the square root of the root mean square of its observed update: between the two above.</summary>
    InverseRootRms,

    /// <summary>Weights fall linearly from the first tensor to 1/L for the last.</summary>
    Linear,

    /// <summary>Weights halve from one tensor to the next.</summary>
    Exponential,
}
