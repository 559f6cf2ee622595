using System.Collections;
using Afterimage.Numerics;

namespace Afterimage.Audit.Clients;

/// <summary>
/// One image as a person sees it: shape [C,H,W], values clipped to [0,1], and a value that is not a number shown as black.
/// Metrics compare such images, so that no figure depends on what a screen cannot show.
/// </summary>
public sealed class Image
{
    private readonly float[] pixels;

    /// <summary>Copies and clips values.</summary>
    /// <exception cref="AfterimageException">The number of values does not match the shape.</exception>
    public Image(ImageShape shape, ReadOnlySpan<float> values)
    {
        if (values.Length != shape.Count)
            throw new AfterimageException($"An image of shape {shape} has {shape.Count} values, but {values.Length} were given.");
        Shape = shape;
        pixels = new float[values.Length];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = float.IsNaN(values[i]) ? 0 : Math.Clamp(values[i], 0, 1);
    }

    /// <summary>Channels, height and width.</summary>
    public ImageShape Shape { get; }

    /// <summary>Channel by channel, row by row.</summary>
    public ReadOnlySpan<float> Pixels => pixels;

    /// <summary>One channel, row by row.</summary>
    public ReadOnlySpan<float> Channel(int channel) => Pixels.Slice(channel * Shape.Height * Shape.Width, Shape.Height * Shape.Width);
}

/// <summary>Images of one shape, in order.</summary>
public sealed class ImageBatch : IReadOnlyList<Image>
{
    private readonly Image[] images;

    /// <summary>Copies and clips images.</summary>
    /// <param name="shape">The shape of every image.</param>
    /// <param name="images">One array of C x H x W values in [0,1] for each image.</param>
    public ImageBatch(ImageShape shape, IEnumerable<float[]> images)
    {
        Shape = shape;
        this.images = [.. images.Select(values => new Image(shape, values))];
    }

    /// <summary>The shape of every image.</summary>
    public ImageShape Shape { get; }

    /// <inheritdoc/>
    public int Count => images.Length;

    /// <inheritdoc/>
    public Image this[int index] => images[index];

    /// <inheritdoc/>
    public IEnumerator<Image> GetEnumerator() => ((IEnumerable<Image>)images).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
