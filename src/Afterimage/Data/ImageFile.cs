using Afterimage.Numerics.Arrays;
using SkiaSharp;

namespace Afterimage.Data;

/// <summary>Reads a PNG or JPEG file as an image of a given shape: the largest centered crop of that aspect ratio, resized.</summary>
internal static class ImageFile
{
    private const int LargestSide = 1 << 14;
    private const long MostPixels = 1L << 26;
    private static readonly string[] Endings = [".png", ".jpg", ".jpeg"];

    public static bool Has(string path) => Endings.Contains(Path.GetExtension(path), StringComparer.OrdinalIgnoreCase);

    /// <exception cref="AfterimageException">The file is not a readable image, or is too large.</exception>
    public static float[] Read(string path, ImageShape shape)
    {
        if (shape.Channels is not (1 or 3))
            throw new AfterimageException(
                $"Image files give 1 or 3 channels, not {shape.Channels}: ask for 3x{shape.Height}x{shape.Width}.");
        if (!File.Exists(path))
            throw ArrayFault.File(path, "does not exist");
        using var codec = SKCodec.Create(path) ?? throw ArrayFault.File(path, "is not a readable PNG or JPEG");
        var (width, height) = (codec.Info.Width, codec.Info.Height);
        if (width is < 1 or > LargestSide || height is < 1 or > LargestSide || (long)width * height > MostPixels)
            throw ArrayFault.File(path, $"is {width}x{height} pixels; at most {MostPixels} are read");
        var pixels = new byte[width * height * 4];
        var info = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul);
        SKCodecResult result;
        unsafe
        {
            fixed (byte* start = pixels)
                result = codec.GetPixels(info, (nint)start);
        }
        return result == SKCodecResult.Success ? Fit(pixels, width, height, shape)
            : throw ArrayFault.File(path, $"cannot be decoded ({result}): it is cut or damaged");
    }

    private static float[] Fit(byte[] rgba, int width, int height, ImageShape shape)
    {
        var scale = Math.Min((double)width / shape.Width, (double)height / shape.Height);
        var columns = Resampling.Weights(width, scale, shape.Width);
        var rows = Resampling.Weights(height, scale, shape.Height);
        var image = new float[shape.Count];
        var plane = new float[width * height];
        for (var channel = 0; channel < shape.Channels; channel++)
        {
            for (var i = 0; i < plane.Length; i++)
            {
                var (r, g, b, alpha) = (rgba[4 * i], rgba[4 * i + 1], rgba[4 * i + 2], rgba[4 * i + 3] / 255f);
                var value = shape.Channels == 1 ? Luma(r, g, b) : channel switch { 0 => r, 1 => g, _ => b };
                plane[i] = (value / 255f) * alpha + 1 - alpha;
            }
            Resampling.Apply(plane, width, rows, columns, image.AsSpan(channel * shape.Height * shape.Width));
        }
        return image;
    }

    public static float Luma(float red, float green, float blue) => 0.299f * red + 0.587f * green + 0.114f * blue;
}
