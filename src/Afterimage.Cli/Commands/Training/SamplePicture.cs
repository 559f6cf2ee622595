using Afterimage.Reports;

namespace Afterimage.Cli.Commands;

/// <summary>A PNG of images side by side, each pixel drawn twice as large.</summary>
internal static class SamplePicture
{
    private const int Zoom = 2;

    /// <param name="path">Where it is written.</param>
    /// <param name="images">[rows,columns,channels,side,side] in [0,1].</param>
    /// <param name="channels">1 or 3.</param>
    /// <param name="side">Of one image, in pixels.</param>
    /// <param name="columns">Images of a row.</param>
    public static void Write(string path, float[] images, int channels, int side, int columns)
    {
        var rows = images.Length / (columns * channels * side * side);
        var (width, height) = (columns * side * Zoom, rows * side * Zoom);
        var pixels = new byte[channels * width * height];
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
                for (var channel = 0; channel < channels; channel++)
                {
                    var image = y / (side * Zoom) * columns + x / (side * Zoom);
                    var place = ((image * channels + channel) * side + y / Zoom % side) * side + x / Zoom % side;
                    pixels[(y * width + x) * channels + channel] = (byte)MathF.Round(255 * Math.Clamp(images[place], 0, 1));
                }
        File.WriteAllBytes(path, channels == 1 ? Png.Gray(width, height, pixels) : Png.Rgb(width, height, pixels));
    }
}
