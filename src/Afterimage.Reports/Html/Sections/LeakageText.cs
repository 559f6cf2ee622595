using static Afterimage.Reports.Html.Elements;
using static Afterimage.Reports.Html.Markup;

namespace Afterimage.Reports.Html;

/// <summary>What the page of a leakage analysis and its section of an audit have in common.</summary>
internal static class LeakageText
{
    /// <summary>Explains the shades of the maps of one batch.</summary>
    public static string Shades(IReadOnlyList<LeakageImage> images)
    {
        if (images is not [{ Left: { } left }, ..])
            return "Black: as uncertain as before; white: the variance fell to a millionth.";
        var (least, most) = (Numbers.Short(left.Low), Numbers.Short(left.High));
        return least == most ? $"Gray: of every pixel {most} of the variance that it had before is left."
            : $"The share of its variance that is left of a pixel: {most} where black, {least} where white, on a logarithmic scale.";
    }

    /// <summary>A PSNR, or the interval that contains it.</summary>
    public static string Decibels(Bracket bracket, string unit = "") => Range(bracket, value => Short(value)) + unit;

    /// <summary>A number of directions, or the interval that contains it.</summary>
    public static string Directions(Bracket bracket) => Range(bracket, value => Numbers.Count((long)Math.Round(value)));

    /// <summary>One digit after the point, none above a thousand.</summary>
    public static string Short(double value) =>
        value >= 1000 ? Numbers.Count((long)Math.Round(value)) : Numbers.Fixed(value, 1);

    /// <summary>An image beside the map of how well its pixels are determined.</summary>
    public static Element Card(LeakageImage image, string role, string name, bool exact, Pictures pictures) =>
        Tag("figure", ("class", "card"),
            Tag("div", ("class", "pair"),
                Titled(role, pictures.Show(image.Truth, $"Image {image.Index}, label {image.Label}.", 192)),
                Titled("Determined", pictures.Show(image.Map, $"How well each pixel of image {image.Index} is determined.", 192))),
            Tag("figcaption", Tag("p", ("class", "name"), name),
                Tag("p", Forecast(image, exact))));

    /// <summary>The lower end alone says nothing of the upper one.</summary>
    private static string Forecast(LeakageImage image, bool exact) =>
        exact || image.PsnrHigh is not null ? $"Forecast {Decibels(new(image.Psnr, image.PsnrHigh ?? image.Psnr), " dB")}"
            : $"Forecast of at least {Short(image.Psnr)} dB";

    private static string Range(Bracket bracket, Func<double, string> write)
    {
        var (low, high) = (write(bracket.Low), write(bracket.High));
        return low == high ? low : $"{low} to {high}";
    }
}
