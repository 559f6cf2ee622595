namespace Afterimage.Reports.Recipes;

/// <summary>One recipe in a gallery.</summary>
/// <param name="Story">What it says.</param>
/// <param name="Quick">Its latest quick run; null where there is none.</param>
/// <param name="Full">Its latest full run; null where there is none.</param>
public sealed record GalleryEntry(RecipeStory Story, RecipeRun? Quick, RecipeRun? Full);
