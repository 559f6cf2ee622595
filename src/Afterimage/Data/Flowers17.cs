namespace Afterimage.Data;

/// <summary>Oxford 17 Flowers (Nilsback and Zisserman, 2006): 80 photographs of each of 17 kinds, kind by kind.</summary>
[Cites("nilsback2006visual")]
public sealed record Flowers17 : DataSource
{
    private const int ImagesPerClass = 80;

    /// <summary>What each photograph is cropped and resized to.</summary>
    public ImageShape Size { get; init; } = new(3, 64, 64);

    /// <summary>The folder of image_0001.jpg to image_1360.jpg; null searches <see cref="DataFolders"/>.</summary>
    public string? Folder { get; init; }

    /// <inheritdoc/>
    public override ImageSet Open()
    {
        var folder = DataFolders.Standard().Find(DataCatalog.Flowers17, Folder, Name(0), Name(17 * ImagesPerClass - 1));
        return new FileImageSet(DataCatalog.Flowers17.Title, Size,
            [.. Enumerable.Range(0, 17 * ImagesPerClass).Select(i => (Path.Combine(folder, Name(i)), i / ImagesPerClass))],
            ["daffodil", "snowdrop", "lily of the valley", "bluebell", "crocus", "iris", "tigerlily", "tulip", "fritillary", "sunflower",
                "daisy", "colt's foot", "dandelion", "cowslip", "buttercup", "windflower", "pansy"]);
    }

    private static string Name(int index) => $"image_{index + 1:0000}.jpg";
}
