using Afterimage.Numerics;
using Afterimage.Reports;

namespace Afterimage.Audit.Measurements;

/// <summary>Writes images of one case as PNG files under the report's folder.</summary>
internal sealed class Pictures
{
    private readonly string root;
    private readonly string folder;
    private readonly ImageShape shape;

    public Pictures(string root, string caseId, ImageShape shape)
    {
        (this.root, folder, this.shape) = (root, $"images/{caseId[..12]}", shape);
        Directory.CreateDirectory(Path.Combine(root, folder));
    }

    /// <param name="name">The file's name without its ending.</param>
    /// <param name="pixels">In [0,1], channel by channel.</param>
    public Picture Write(string name, ReadOnlySpan<float> pixels)
    {
        var file = $"{folder}/{name}.png";
        var bytes = shape.Channels == 3
            ? Png.Rgb(shape.Width, shape.Height, Rgb(shape, pixels))
            : Png.Gray(shape.Width, shape.Height, Gray(pixels[..(shape.Height * shape.Width)]));
        File.WriteAllBytes(Path.Combine(root, file), bytes);
        return new(file, shape.Width, shape.Height);
    }

    /// <summary>Red, green and blue bytes pixel by pixel; a single channel is shown gray.</summary>
    public static byte[] Rgb(ImageShape shape, ReadOnlySpan<float> pixels)
    {
        var plane = shape.Height * shape.Width;
        var bytes = new byte[3 * plane];
        for (var i = 0; i < plane; i++)
            for (var channel = 0; channel < 3; channel++)
                bytes[3 * i + channel] = Byte(pixels[(shape.Channels == 3 ? channel : 0) * plane + i]);
        return bytes;
    }

    private static byte[] Gray(ReadOnlySpan<float> pixels)
    {
        var bytes = new byte[pixels.Length];
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] = Byte(pixels[i]);
        return bytes;
    }

    private static byte Byte(float value) => float.IsNaN(value) ? (byte)0 : (byte)MathF.Round(Math.Clamp(value, 0, 1) * 255);
}
