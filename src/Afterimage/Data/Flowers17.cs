namespace Afterimage.Data;

/// <summary>The 17 flowers of Oxford (Nilsback and Zisserman, 2006): 80 photographs of each, in the order of their numbers.</summary>
[Cites("nilsback2006visual")]
public sealed record Flowers17 : DataSource
{
    private const int ImagesPerClass = 80;

    /// <summary>What each photograph is cropped and resized to.</summary>
    public ImageShape Size { get; init; } = new(3, 64, 64);

    /// <summary>The folder with image_0001.jpg and so on; null looks in the usual places.</summary>
    public string? Folder { get; init; }

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
