namespace Afterimage.UpdateFiles;

/// <summary>What the numbers of an update file are.</summary>
public enum UpdateContent
{
    /// <summary>The weights after local training, as a state dict has them.</summary>
    Weights,

    /// <summary>Weights after local training minus weights before.</summary>
    Difference,

    /// <summary>A gradient.</summary>
    Gradient,
}
