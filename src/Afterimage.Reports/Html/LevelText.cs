using System.Collections.Immutable;

namespace Afterimage.Reports.Html;

/// <summary>How a level is shown to people, for pages that are not written here.</summary>
/// <param name="Level">The level.</param>
/// <param name="Word">Its name.</param>
/// <param name="Meaning">What it says of the images.</param>
/// <param name="Pixels">Its icon: eight rows of eight cells, "#" full, "+" faint, "." empty.</param>
public sealed record LevelText(LeakLevel Level, string Word, string Meaning, string Pixels)
{
    /// <summary>All levels.</summary>
    public static ImmutableArray<LevelText> All { get; } = [.. Enum.GetValues<LeakLevel>().Select(value => Html.Level.Of(value))
        .Select(level => new LevelText(level.Value, level.Word, level.Meaning, level.Pixels))];
}
