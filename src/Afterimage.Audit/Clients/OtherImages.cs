using Afterimage.Data;

namespace Afterimage.Audit.Clients;

/// <summary>The images of a set that a client does not hold.</summary>
internal sealed class OtherImages : ImageSet
{
    private readonly ImageSet images;
    private readonly int[] places;

    /// <param name="images">The set.</param>
    /// <param name="hidden">Places of the client's images.</param>
    public OtherImages(ImageSet images, IEnumerable<int> hidden) : this(images, [.. Enumerable.Range(0, images.Count).Except(hidden)])
    {
    }

    private OtherImages(ImageSet images, int[] places) : base(images.Name, images.Shape, places.Length, images.ClassNames) =>
        (this.images, this.places) = (images, places);

    protected override LabeledImage Read(int index) => images[places[index]];
}
