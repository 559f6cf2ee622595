namespace Afterimage.Data;

/// <summary>
/// Procedural images with natural statistics: leaves of many sizes that occlude one another, with radii of density 1/r^3 (Lee,
/// Mumford and Huang, 2001; as training images: Baradad et al., 2021), each with its own color, shading and 1/f texture. One
/// large leaf lies in front; its shape and color are the class. Image i is a function of i and the seed.
/// </summary>
/// <remarks>
/// Class c has shape c mod 5 (disk, square, rectangle, triangle, polygon) and color family c div 5: an equal share of the hues,
/// or of the brightness where there is one channel. Two families are warm and cool, or dark and bright.
/// </remarks>
[Cites("lee2001occlusion", "baradad2021learning")]
public sealed record DeadLeaves : DataSource
{
    private const int MostClasses = 100, Smallest = 8, Largest = 512;

    /// <summary>
    /// Up to 512 pixels a side. Images of other than one or three channels take the channels of colored ones in turn, and those of fewer
    /// than 8 pixels a side are cut from larger ones, so that data of any shape have something like them.
    /// </summary>
    public ImageShape Shape { get; init; } = new(3, 32, 32);

    /// <summary>How many images the set has; at least 1.</summary>
    [Range(1, 100_000_000)]
    public int Count { get; init; } = 10_000;

    /// <summary>Number of classes, 1 to 100.</summary>
    [Range(1, 1000)]
    public int Classes { get; init; } = 10;

    /// <summary>Seed of all images.</summary>
    public ulong Seed { get; init; }

    /// <summary>Whether there are such images: up to 512 pixels a side.</summary>
    public static bool CanHave(ImageShape shape) =>
        shape is { Channels: >= 1, Height: >= 1 and <= Largest, Width: >= 1 and <= Largest };

    /// <inheritdoc/>
    public override ImageSet Open()
    {
        if (!CanHave(Shape))
            throw new AfterimageException($"Dead leaves cannot have shape {Shape}: they have 1 to {Largest} pixels a side.");
        if (Classes is < 1 or > MostClasses || Count < 1)
            throw new AfterimageException(
                $"Dead leaves have 1 to {MostClasses} classes and at least one image, not {Classes} and {Count}.");
        return new Images(this);
    }

    private sealed class Images(DeadLeaves source) : ImageSet("dead leaves", source.Shape, source.Count, Names(source))
    {
        private readonly RandomSource random = new RandomSource(source.Seed).Derive("dead leaves");
        private readonly ImageShape painted = new(source.Shape.Channels == 1 ? 1 : 3,
            Math.Max(Smallest, source.Shape.Height), Math.Max(Smallest, source.Shape.Width));

        private readonly LeafTexture texture = new(new RandomSource(source.Seed).Derive("leaf texture").Managed());

        protected override LabeledImage Read(int index)
        {
            var draw = random.Derive("image", index).Managed();
            var label = draw.Next(source.Classes);
            return new(Cut(new LeafPainter(painted, texture, draw).Paint(LeafClass.Of(label, source.Classes))), label);
        }

        private float[] Cut(float[] pixels)
        {
            if (painted == Shape)
                return pixels;
            var cut = new float[Shape.Count];
            for (var (channel, to) = (0, 0); channel < Shape.Channels; channel++)
                for (var row = 0; row < Shape.Height; row++, to += Shape.Width)
                    pixels.AsSpan((channel % painted.Channels * painted.Height + row) * painted.Width, Shape.Width).CopyTo(cut.AsSpan(to));
            return cut;
        }
    }

    private static ValueList<string> Names(DeadLeaves source) => Enumerable.Range(0, source.Classes)
        .Select(label => LeafClass.Of(label, source.Classes).Name(source.Shape.Channels == 3)).ToValueList();
}
