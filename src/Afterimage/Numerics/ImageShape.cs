using System.Globalization;

namespace Afterimage.Numerics;

/// <summary>Channels, height and width of one image; written "3x32x32".</summary>
public readonly record struct ImageShape(int Channels, int Height, int Width)
{
    public int Count => Channels * Height * Width;

    public static ImageShape Parse(string text)
    {
        var parts = text.Split('x', 'X');
        var numbers = parts.Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? n : 0).ToArray();
        return numbers is [> 0 and <= 4096, > 0 and <= 4096, > 0 and <= 4096]
            ? new(numbers[0], numbers[1], numbers[2])
            : throw new AfterimageException($"\"{text}\" is not an image shape: write channels, height and width, for example 3x32x32.");
    }

    public override string ToString() => $"{Channels}x{Height}x{Width}";
}
