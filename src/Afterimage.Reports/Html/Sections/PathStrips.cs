using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>The reconstruction of each image at some iterations; more than four images are folded away.</summary>
internal static class PathStrips
{
    private const int Open = 4;

    public static Element? Draw(CaseReport found, Pictures pictures)
    {
        var strips = found.Images.Where(image => image.Path.Length > 0).Select(image => Strip(image, pictures)).ToArray();
        return strips.Length == 0 ? null : Tag("div",
        [
            ("class", "paths"),
            .. strips.Take(Open),
            strips.Length <= Open ? null
                : Tag("details", [Tag("summary", $"The other {Numbers.Count(strips.Length - Open, "image", "images")}"),
                    .. strips.Skip(Open)]),
        ]);
    }

    private static Element Strip(ImageReport image, Pictures pictures) => Tag("figure",
        Tag("figcaption", ("class", "name"), $"Image {image.Index}", Tag("span", ("class", "against"), " at iteration")),
        Tag("ol",
        [
            ("class", "strip"),
            .. image.Path.Select(step => Tag("li",
                pictures.Show(step.Picture, $"Image {image.Index} at iteration {Numbers.Count(step.Iteration)}.", 64),
                Tag("span", ("aria-hidden", "true"), Numbers.Count(step.Iteration)))),
        ]));
}
