namespace Afterimage.Leakage;

/// <summary>What noise and rounding of an update are measured against.</summary>
public enum NoiseScale
{
    /// <summary>The root mean square of each parameter tensor's update: rounding, and what an attacker who weighs layers sees.</summary>
    Layer,

    /// <summary>The root mean square of the whole update: noise of one deviation on every number.</summary>
    Whole,
}
