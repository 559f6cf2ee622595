using System.Globalization;

namespace Afterimage.Numerics;

/// <summary>The shape of one image, written "3x32x32".</summary>
/// <param name="Channels">1 for gray, 3 for red, green and blue.</param>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
public readonly record struct ImageShape(int Channels, int Height, int Width)
{
    private const long Largest = 1 << 24;

    /// <summary>How many numbers an image has.</summary>
    public int Count => Channels * Height * Width;

    /// <summary>Reads "3x32x32".</summary>
    /// <exception cref="AfterimageException">The text is not three numbers from 1 to 4096, or of more than 16 million pixels.</exception>
    public static ImageShape Parse(string text)
    {
        int[] numbers = [.. text.Split('x', 'X')
            .Select(part => int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0)];
        return numbers is [> 0 and <= 4096, > 0 and <= 4096, > 0 and <= 4096] && (long)numbers[0] * numbers[1] * numbers[2] <= Largest
            ? new(numbers[0], numbers[1], numbers[2])
            : throw new AfterimageException($"\"{text}\" is not an image shape: write channels, height and width, for example 3x32x32.");
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Channels}x{Height}x{Width}";
}
