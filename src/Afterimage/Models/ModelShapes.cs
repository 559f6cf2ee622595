namespace Afterimage.Models;

/// <summary>What the file behind a model says of the images and classes that it is made for; null where it does not say.</summary>
/// <param name="Channels">Channels of one image.</param>
/// <param name="Input">The shape of one image: square, and the only usual size that the first linear layer takes.</param>
/// <param name="Classes">Outputs of the head.</param>
public sealed record ModelShapes(int? Channels, ImageShape? Input, int? Classes)
{
    private const int LargestSide = 256;
    private static readonly ValueList<int> UsualSides = [28, 32, 64, 96, 128, 224];

    /// <summary>Nothing is said.</summary>
    public static ModelShapes Unknown { get; } = new(null, null, null);

    /// <param name="channels">Channels of one image; null tries gray and color.</param>
    /// <param name="input">The shape where it is known; null searches.</param>
    /// <param name="outputs">The outputs of the model for images of a shape; null where it does not take them.</param>
    internal static ModelShapes Search(int? channels, ImageShape? input, Func<ImageShape, int?> outputs)
    {
        if (input is { } known)
            return new(known.Channels, known, outputs(known));
        var found = Fitting(UsualSides);
        if (found.Length == 0)
            found = Fitting(Enumerable.Range(1, LargestSide));
        // Several sizes fit behind a global pooling; the classes are the same for all.
        return new(channels ?? (found.DistinctBy(shape => shape.Channels).Count() == 1 ? found[0].Channels : null),
            found is [var only] ? only : null, found.Length > 0 ? outputs(found[0]) : null);

        ImageShape[] Fitting(IEnumerable<int> sides) =>
        [
            .. (channels is { } given ? [given] : (int[])[1, 3])
                .SelectMany(channel => sides.Select(side => new ImageShape(channel, side, side)))
                .Where(shape => outputs(shape) is not null).Take(2),
        ];
    }
}
