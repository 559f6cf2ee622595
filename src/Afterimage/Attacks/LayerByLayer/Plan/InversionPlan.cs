using Afterimage.Models;

namespace Afterimage.Attacks;

/// <summary>
/// How the gradient of one image is read from the head down, decided by counting equations before anything runs: which layers give their
/// inputs exactly, where that ends, and what the image is then looked for by. The attacks follow the same counts.
/// </summary>
/// <param name="Layers">From the head down, those with a weight that multiplies its input.</param>
/// <param name="Promise">What the counts say of the image.</param>
/// <param name="Sentences">The plan in words.</param>
public sealed record InversionPlan(ValueList<PlannedLayer> Layers, ImagePromise Promise, ValueList<string> Sentences)
{
    /// <summary>The plan for a model.</summary>
    /// <param name="model">Any.</param>
    /// <param name="mode">How its clients run it.</param>
    public static InversionPlan Of(VictimModel model, ModelMode mode) => Planner.Plan(model, mode == ModelMode.Train);
}

/// <summary>One layer of an <see cref="InversionPlan"/>.</summary>
/// <param name="Name">Its name in the state dict.</param>
/// <param name="Input">Numbers of its input.</param>
/// <param name="Unknowns">Those of one channel; a linear layer's features are channels of one number.</param>
/// <param name="Equations">Numbers of its weight gradient for one channel: as many equations, once dL/dz is known.</param>
/// <param name="Reading">How its input is found.</param>
/// <param name="LargestBatch">
/// The largest batch that its weight gradient takes apart by itself, <see cref="SeparableBatch"/>; 0 where it takes none apart, as where
/// its input may be negative.
/// </param>
public sealed record PlannedLayer(string Name, long Input, long Unknowns, long Equations, LayerReading Reading, long LargestBatch);

/// <summary>How a layer's input is found.</summary>
public enum LayerReading
{
    /// <summary>By linear equations that determine it.</summary>
    Exact,

    /// <summary>By its weight gradient alone, with nothing known of what leaves.</summary>
    Blind,

    /// <summary>By the search for the image, whose equations its weight gradient joins.</summary>
    Search,
}

/// <summary>What counting promises of one image.</summary>
public enum ImagePromise
{
    /// <summary>Every number of it, up to the rounding of the update.</summary>
    Exact,

    /// <summary>There are equations enough, but a search must find the solution; the leakage forecast says how well it is told.</summary>
    Determined,

    /// <summary>No more than the most plausible image for what is known.</summary>
    Plausible,
}
