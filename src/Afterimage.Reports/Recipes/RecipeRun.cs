using System.Collections.Immutable;

namespace Afterimage.Reports.Recipes;

/// <summary>One run of a recipe as plain data, the content of NAME.quick.json and NAME.full.json in a gallery.</summary>
public sealed record RecipeRun
{
    /// <summary>The schema that this version writes and reads.</summary>
    public const string CurrentSchema = "afterimage-recipe/1";

    /// <summary>The schema of this run.</summary>
    public string Schema { get; init; } = CurrentSchema;

    /// <summary>The recipe's name.</summary>
    public required string Name { get; init; }

    /// <summary>Whether it was a run of reduced size.</summary>
    public required bool Quick { get; init; }

    /// <summary>Version of Afterimage.</summary>
    public required string Version { get; init; }

    /// <summary>The first letters of the commit that it was built from; empty where unknown.</summary>
    public string Commit { get; init; } = "";

    /// <summary>When the last of its rows began.</summary>
    public required DateTimeOffset Finished { get; init; }

    /// <summary>Where it ran.</summary>
    public required Machine Machine { get; init; }

    /// <summary>The table.</summary>
    public ImmutableArray<RecipeRowResult> Rows { get; init; } = [];

    /// <summary>The intervals of a quick run, and whether it lies in them.</summary>
    public ImmutableArray<RecipeCheck> Checks { get; init; } = [];

    /// <summary>PNG files in base64, by key.</summary>
    public ImmutableSortedDictionary<string, string> Pictures { get; init; } = ImmutableSortedDictionary<string, string>.Empty;
}

/// <summary>One row of the table: the cases that differ only by their batch.</summary>
/// <param name="Name">Its name.</param>
public sealed record RecipeRowResult(string Name)
{
    /// <summary>The line of the plot to which it belongs.</summary>
    public string Series { get; init; } = "";

    /// <summary>The only axis along which its series varies; null where that has none or several, or one without numbers.</summary>
    public string? Axis { get; init; }

    /// <summary>Its place on the axis.</summary>
    public double? X { get; init; }

    /// <summary>Number of cases.</summary>
    public int Cases { get; init; }

    /// <summary>Number of images over which the figures of images are spread.</summary>
    public int Images { get; init; }

    /// <summary>The spread of every figure by name.</summary>
    public ImmutableSortedDictionary<string, Spread> Figures { get; init; } = ImmutableSortedDictionary<string, Spread>.Empty;

    /// <summary>How the cases ended, in words.</summary>
    public string Endings { get; init; } = "";

    /// <summary>The first images.</summary>
    public ImmutableArray<RecipeImage> Shown { get; init; } = [];
}

/// <summary>A true image and what came back.</summary>
/// <param name="Truth">Key of the true image.</param>
/// <param name="Reconstruction">Key of the reconstruction.</param>
/// <param name="Width">Width in pixels.</param>
/// <param name="Height">Height in pixels.</param>
public sealed record RecipeImage(string Truth, string Reconstruction, int Width, int Height)
{
    /// <summary>PSNR in dB; null where nobody judged.</summary>
    public double? Psnr { get; init; }
}

/// <summary>An interval, and what a run has there.</summary>
/// <param name="Row">The row.</param>
/// <param name="Figure">The figure and its statistic, for example "psnr.median".</param>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
public sealed record RecipeCheck(string Row, string Figure, double Low, double High)
{
    /// <summary>The run's value; null where it has none.</summary>
    public double? Value { get; init; }

    /// <summary>Whether it lies in the interval.</summary>
    public bool Holds { get; init; }
}
