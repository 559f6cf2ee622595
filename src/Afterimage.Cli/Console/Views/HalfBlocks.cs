using Afterimage.Reports;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Afterimage.Cli.Console;

/// <summary>A small picture of two pixels for each character, an upper half block whose background is the lower pixel.</summary>
internal sealed class HalfBlocks : Renderable
{
    private readonly int width, height;
    private readonly Color[] pixels;

    private HalfBlocks(int width, int height, Color[] pixels) => (this.width, this.height, this.pixels) = (width, height, pixels);

    /// <summary>The picture, shrunk by averaging where it is too large.</summary>
    /// <param name="picture">The picture.</param>
    /// <param name="columns">Largest width in characters.</param>
    /// <param name="rows">Largest height in characters.</param>
    public static HalfBlocks Of(Thumbnail picture, int columns, int rows)
    {
        var scale = Math.Max(1, Math.Max((double)picture.Width / columns, (double)picture.Height / (2 * rows)));
        var (width, height) = ((int)Math.Max(1, picture.Width / scale), (int)Math.Max(1, picture.Height / scale));
        var pixels = new Color[width * height];
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
                pixels[y * width + x] = Average(picture, x * picture.Width / width, (x + 1) * picture.Width / width,
                    y * picture.Height / height, (y + 1) * picture.Height / height);
        return new(width, height, pixels);
    }

    protected override Measurement Measure(RenderOptions options, int maxWidth) => new(width, width);

    protected override IEnumerable<Segment> Render(RenderOptions options, int maxWidth)
    {
        for (var y = 0; y < height; y += 2)
        {
            for (var x = 0; x < Math.Min(width, maxWidth); x++)
                yield return new("▀", new Style(pixels[y * width + x], y + 1 < height ? pixels[(y + 1) * width + x] : Color.Default));
            yield return Segment.LineBreak;
        }
    }

    private static Color Average(Thumbnail picture, int left, int right, int top, int bottom)
    {
        Span<int> sums = stackalloc int[3];
        for (var y = top; y < bottom; y++)
            for (var x = left; x < right; x++)
                for (var c = 0; c < 3; c++)
                    sums[c] += picture.Rgb[3 * (y * picture.Width + x) + c];
        var count = (right - left) * (bottom - top);
        return new((byte)(sums[0] / count), (byte)(sums[1] / count), (byte)(sums[2] / count));
    }
}
