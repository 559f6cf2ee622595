using System.Collections.Immutable;

namespace Afterimage.Reports.Recipes;

/// <summary>What a recipe says beside its numbers.</summary>
/// <param name="Name">Its name on the command line.</param>
/// <param name="Title">The title of its page.</param>
/// <param name="Place">Where the claim stands.</param>
/// <param name="Claim">What is claimed.</param>
public sealed record RecipeStory(string Name, string Title, string Place, string Claim)
{
    /// <summary>The published figures, in one sentence; empty where there are none.</summary>
    public string Published { get; init; } = "";

    /// <summary>What was found, in paragraphs.</summary>
    public ImmutableArray<string> Found { get; init; } = [];

    /// <summary>What differs from the paper, in paragraphs.</summary>
    public ImmutableArray<string> Differs { get; init; } = [];

    /// <summary>Figures of the table, the first of them plotted.</summary>
    public ImmutableArray<string> Columns { get; init; } = [];

    /// <summary>The papers.</summary>
    public ImmutableArray<Citation> Citations { get; init; } = [];

    /// <summary>The experiments of a full run.</summary>
    public ImmutableArray<RecipeExperiment> Experiments { get; init; } = [];
}

/// <summary>The experiment of one row.</summary>
/// <param name="Row">The row.</param>
/// <param name="Json">The experiment as canonical JSON.</param>
public sealed record RecipeExperiment(string Row, string Json);
