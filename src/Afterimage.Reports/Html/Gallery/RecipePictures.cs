using Afterimage.Reports.Recipes;
using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>Every true image of a run's first ones, and beside it what each row made of it.</summary>
internal static class RecipePictures
{
    private const int MostTruths = 8;

    public static Element? Draw(RecipeRun run)
    {
        var byTruth = run.Rows.SelectMany(row => row.Shown.Select(image => (row, image))).GroupBy(shown => shown.image.Truth).ToArray();
        return byTruth.Length == 0 ? null : Tag("div",
        [
            ("class", "shown"),
            .. byTruth.Take(MostTruths).Select((truth, index) => Tag("div",
            [
                ("class", "strip"),
                Captioned(run, truth.First().image, truth.Key, $"Image {index + 1}, true", null),
                .. truth.Select(shown => Captioned(run, shown.image, shown.image.Reconstruction,
                    shown.row.Name.Length == 0 ? "back" : shown.row.Name, shown.image.Psnr)),
            ])),
        ]);
    }

    /// <summary>A true image and its reconstruction in the row that is checked first, or in the first row, for an index.</summary>
    public static Element? Pair(RecipeRun run)
    {
        var chosen = run.Checks.Select(check => check.Row).FirstOrDefault();
        if (run.Rows.Where(row => !row.Shown.IsEmpty).OrderByDescending(row => row.Name == chosen).FirstOrDefault() is not { } row)
            return null;
        var image = row.Shown[0];
        return Tag("div", ("class", "pair"), Img(run, image, image.Truth, "True image."), Img(run, image, image.Reconstruction,
            $"Reconstruction, {row.Name}{(image.Psnr is { } psnr ? $", {MetricText.Of("psnr").WithUnit(psnr)}" : "")}."));
    }

    private static Element Captioned(RecipeRun run, RecipeImage image, string key, string title, double? psnr)
    {
        var figure = psnr is { } value ? MetricText.Of("psnr").WithUnit(value) : null;
        return Tag("div", Img(run, image, key, figure is null ? title : $"{title}, {figure}"), Tag("span", title),
            figure is null ? null : Tag("span", figure));
    }

    private static Element Img(RecipeRun run, RecipeImage image, string key, string alt)
    {
        var factor = Math.Max(1, 96 / Math.Max(1, image.Width));
        return Tag("img", ("src", "data:image/png;base64," + run.Pictures.GetValueOrDefault(key, "")), ("alt", alt),
            ("width", Numbers.Coordinate(image.Width * factor)), ("height", Numbers.Coordinate(image.Height * factor)));
    }
}
