using System.Text.Json.Nodes;
using Afterimage.Audit.Measurements;
using Afterimage.Numerics;

namespace Afterimage.Audit.Recipes;

/// <summary>
/// A claim or a figure of the literature as data: the experiments that show it, which figures its table has, where a quick run must
/// land, and what was found.
/// </summary>
public sealed record Recipe
{
    /// <summary>What its page is called.</summary>
    public string Title { get; init; } = "";

    /// <summary>Where the claim stands: a section of the source article, and the paper behind it.</summary>
    public string Place { get; init; } = "";

    /// <summary>What is claimed there, in our words.</summary>
    public string Claim { get; init; } = "";

    /// <summary>The figures that were published, in one sentence.</summary>
    public string Published { get; init; } = "";

    /// <summary>Keys of the papers, the first of them the claim's.</summary>
    public ValueList<string> Cites { get; init; } = [];

    /// <summary>What all rows have in common: an experiment, as JSON.</summary>
    public JsonNode Experiment { get; init; } = new JsonObject();

    /// <summary>Its variations, in the order of the table; at least one.</summary>
    public ValueList<RecipeRow> Rows { get; init; } = [];

    /// <summary>What makes a run quick, after the edits of a row.</summary>
    public ValueList<Edit> Quick { get; init; } = [];

    /// <summary>Whether the leakage of each update is measured beside the attack.</summary>
    public LeakageChoice Leakage { get; init; } = LeakageChoice.Off;

    /// <summary>Figures of the table, the first of them plotted; names as <see cref="RecipeFigures"/> knows them.</summary>
    public ValueList<string> Columns { get; init; } = ["psnr", "baseline", "ssim", "labels", "misfit", "cpu"];

    /// <summary>Where a quick run must land.</summary>
    public ValueList<Expectation> Expect { get; init; } = [];

    /// <summary>What was found, in paragraphs of plain text.</summary>
    public ValueList<string> Found { get; init; } = [];

    /// <summary>What differs from the article or the paper, in paragraphs of plain text.</summary>
    public ValueList<string> Differs { get; init; } = [];
}

/// <summary>One variation of a recipe's experiment; it may have axes of its own.</summary>
/// <param name="Name">Its name in the table.</param>
/// <param name="Set">Edits of the common experiment.</param>
/// <param name="Quick">Further edits of a quick run.</param>
public sealed record RecipeRow(string Name, ValueList<Edit>? Set = null, ValueList<Edit>? Quick = null);

/// <summary>A value put into an experiment.</summary>
/// <param name="Pointer">A JSON pointer, for example "/client/batchSize".</param>
/// <param name="Value">The value, as JSON.</param>
public sealed record Edit(string Pointer, JsonNode Value);

/// <summary>An interval in which a figure of a quick run must lie.</summary>
/// <param name="Row">The row, by its whole name in the table.</param>
/// <param name="Figure">A figure and its statistic, for example "psnr.median".</param>
/// <param name="Low">The lower end, in the unit of the figure.</param>
/// <param name="High">The upper end.</param>
public sealed record Expectation(string Row, string Figure, double Low, double High);
