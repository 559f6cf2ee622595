using Afterimage.Reports;
using SkiaSharp;

namespace Afterimage.Cli.Console;

/// <summary>The images of a case as one small picture, each true image beside or above its reconstruction.</summary>
/// <param name="Picture">The picture.</param>
/// <param name="Caption">Says which images are where.</param>
internal sealed record PictureStrip(Thumbnail Picture, string Caption)
{
    private const int Most = 4, Gap = 2;

    /// <summary>Null where the folder lacks a picture that the case names.</summary>
    public static PictureStrip? Of(CaseReport found, string folder)
    {
        var images = found.Images.Take(Most).ToArray();
        var judged = images.All(image => image.Truth is not null);
        Picture[][] rows = !judged ? [[.. images.Select(image => image.Reconstruction)]]
            : images.Length == 1 ? [[images[0].Truth!, images[0].Reconstruction]]
            : [[.. images.Select(image => image.Truth!)], [.. images.Select(image => image.Reconstruction)]];
        var files = rows.SelectMany(row => row).Select(picture => Path.Combine(folder, picture.File)).ToArray();
        if (images.Length == 0 || !files.All(File.Exists))
            return null;
        var caption = !judged ? "reconstructed" : images.Length == 1 ? "true, and reconstructed" : "true, and reconstructed below";
        return new(Compose(rows, folder), caption);
    }

    private static Thumbnail Compose(Picture[][] rows, string folder)
    {
        var (width, height) = (rows[0].Max(picture => picture.Width), rows[0].Max(picture => picture.Height));
        var (across, down) = (rows[0].Length * (width + Gap) - Gap, rows.Length * (height + Gap) - Gap);
        var strip = new Thumbnail(across, down, new byte[3 * across * down]);
        foreach (var (y, row) in rows.Index())
            foreach (var (x, picture) in row.Index())
                Draw(strip, Path.Combine(folder, picture.File), x * (width + Gap), y * (height + Gap));
        return strip;
    }

    private static void Draw(Thumbnail strip, string file, int left, int top)
    {
        using var bitmap = SKBitmap.Decode(file) ?? throw new AfterimageException($"{file} is not a PNG: run the audit again.");
        for (var y = 0; y < bitmap.Height; y++)
            for (var x = 0; x < bitmap.Width; x++)
            {
                var color = bitmap.GetPixel(x, y);
                var at = 3 * ((top + y) * strip.Width + left + x);
                (strip.Rgb[at], strip.Rgb[at + 1], strip.Rgb[at + 2]) = (color.Red, color.Green, color.Blue);
            }
    }
}
