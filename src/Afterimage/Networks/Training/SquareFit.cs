using Afterimage.Data;

namespace Afterimage.Networks;

/// <summary>The largest centered square of an image, resized, in bytes.</summary>
internal sealed class SquareFit(ImageShape from, int channels, int side)
{
    private readonly Resampling.Taps[] rows = Resampling.Weights(from.Height, (double)Math.Min(from.Height, from.Width) / side, side);
    private readonly Resampling.Taps[] columns = Resampling.Weights(from.Width, (double)Math.Min(from.Height, from.Width) / side, side);
    private readonly float[] square = new float[side * side];

    /// <summary>Writes an image [C,H,W] in [0,1]; gray is repeated, and color becomes gray where one channel is asked for.</summary>
    public void Write(float[] pixels, Span<byte> bytes)
    {
        for (var channel = 0; channel < channels; channel++)
        {
            Resampling.Apply(Plane(pixels, channel), from.Width, rows, columns, square);
            for (var i = 0; i < square.Length; i++)
                bytes[channel * square.Length + i] = (byte)MathF.Round(255 * square[i]);
        }
    }

    private float[] Plane(float[] pixels, int channel)
    {
        var size = from.Height * from.Width;
        if (channels == 1 && from.Channels == 3)
            return [.. Enumerable.Range(0, size).Select(i => ImageFile.Luma(pixels[i], pixels[size + i], pixels[2 * size + i]))];
        return pixels.AsSpan(channel % from.Channels * size, size).ToArray();
    }
}
