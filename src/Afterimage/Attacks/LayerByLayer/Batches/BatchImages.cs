using Afterimage.Federation;

namespace Afterimage.Attacks;

/// <summary>The images of a batch that were found, each with its label.</summary>
/// <param name="Images">[N,C,H,W] in [0,1], one for every different image.</param>
/// <param name="Labels">One for each.</param>
/// <param name="Times">How often each occurs in the batch.</param>
internal sealed record BatchImages(Tensor Images, Labels Labels, int[] Times)
{
    /// <summary>Gauss-Newton steps of all images.</summary>
    public int Steps { get; init; }

    public int Evaluations { get; init; }

    /// <summary>Images of the batch that are accounted for.</summary>
    public int Count => Times.Sum();

    /// <summary>A whole batch: images as often as they occur, and gray where nothing was found.</summary>
    public (Tensor Images, Labels Labels) Filled(int batch)
    {
        var places = Enumerable.Range(0, Times.Length).SelectMany(n => Enumerable.Repeat(n, Times[n])).Take(batch).ToArray();
        var images = full([batch, .. Images.shape[1..]], 0.5, Images.dtype);
        if (places.Length > 0)
            images.narrow(0, 0, places.Length).copy_(Images.index_select(0, tensor(places.Select(n => (long)n).ToArray())));
        var missing = batch - places.Length;
        return (images, new([.. places.Select(n => Labels.Classes[n]), .. Enumerable.Repeat(0, missing)],
            [.. places.Select(n => Labels.Confidence[n]), .. Enumerable.Repeat(0.0, missing)]));
    }
}
