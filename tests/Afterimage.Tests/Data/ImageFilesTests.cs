using Afterimage.Data;
using Afterimage.Numerics;
using SkiaSharp;

namespace Afterimage.Tests.Data;

public class ImageFilesTests
{
    /// <summary>A picture whose left half is one color and whose right half is another.</summary>
    private static byte[] Halves(int width, int height, SKColor left, SKColor right, SKEncodedImageFormat format = SKEncodedImageFormat.Png)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
                bitmap.SetPixel(x, y, x < width / 2 ? left : right);
        using var data = bitmap.Encode(format, 100);
        return data.ToArray();
    }

    private static readonly byte[] RedBlue = Halves(8, 8, SKColors.Red, SKColors.Blue);

    [Fact]
    public void One_subfolder_is_one_class()
    {
        using var folder = new TemporaryFolder();
        folder.Write("set/cat/1.png", RedBlue);
        folder.Write("set/ant/2.PNG", Halves(8, 8, SKColors.Blue, SKColors.Red));
        folder.Write("set/ant/1.jpg", Halves(8, 8, SKColors.White, SKColors.White, SKEncodedImageFormat.Jpeg));
        folder.Write("set/ant/notes.txt", "not an image");
        var set = new ImageFolder { Folder = folder["set"], Size = new(3, 8, 8) }.Open();
        Assert.Equal(["ant", "cat"], set.ClassNames);
        Assert.Equal("set", set.Name);
        Assert.Equal([0, 0, 1], Enumerable.Range(0, set.Count).Select(i => set[i].Label));
        Assert.All(set[0].Pixels, value => Assert.InRange(value, 0.98f, 1f));
        var pixels = set[2].Pixels;
        Assert.Equal((1f, 0f, 0f), (pixels[0], pixels[64], pixels[128]));
        Assert.Equal((0f, 0f, 1f), (pixels[63], pixels[127], pixels[191]));
    }

    [Theory]
    [InlineData("file,label\na.png,7\nb.png,2\n", new[] { 7, 2 }, 8)]
    [InlineData("# mine\nb.png,zebra\n\na.png,ape\n", new[] { 1, 0 }, 2)]
    public void A_flat_folder_takes_its_labels_from_a_file(string labels, int[] expected, int classes)
    {
        using var folder = new TemporaryFolder();
        folder.Write("a.png", RedBlue);
        folder.Write("b.png", RedBlue);
        Assert.Equal(["unlabeled"], new ImageFolder { Folder = folder.Path }.Open().ClassNames);
        folder.Write("labels.csv", labels);
        var set = new ImageFolder { Folder = folder.Path }.Open();
        Assert.Equal(expected, Enumerable.Range(0, set.Count).Select(i => set[i].Label));
        Assert.Equal(classes, set.ClassNames.Count);
    }

    [Fact]
    public void Pictures_are_cropped_in_the_middle_and_resized()
    {
        using var folder = new TemporaryFolder();
        folder.Write("a.png", Halves(40, 8, SKColors.Black, SKColors.White));
        var wide = new ImageFolder { Folder = folder.Path, Size = new(1, 4, 4) }.Open()[0].Pixels;
        Assert.True(wide[0] < 0.05f && wide[3] > 0.95f);
        var enlarged = new ImageFolder { Folder = folder.Path, Size = new(1, 16, 80) }.Open()[0].Pixels;
        Assert.Equal(1280, enlarged.Length);
        Assert.Equal(0.5, enlarged.Average(), 2);
    }

    [Fact]
    public void Transparency_lies_on_white()
    {
        using var folder = new TemporaryFolder();
        folder.Write("a.png", Halves(4, 4, new SKColor(0, 0, 0, 0), new SKColor(0, 0, 0, 255)));
        var pixels = new ImageFolder { Folder = folder.Path, Size = new(1, 4, 4) }.Open()[0].Pixels;
        Assert.Equal((1f, 0f), (pixels[0], pixels[3]));
    }

    [Fact]
    public void What_is_wrong_with_a_folder_is_said()
    {
        using var folder = new TemporaryFolder();
        string Fault(ImageFolder source) => Assert.Throws<AfterimageException>(() => source.Open()[0]).Message;
        Assert.Contains("not a folder", Fault(new() { Folder = folder["none"] }));
        Assert.Contains("no PNG or JPEG", Fault(new() { Folder = folder.Path }));
        folder.Write("broken.png", RedBlue[..60]);
        Assert.Contains("broken.png", Fault(new() { Folder = folder.Path }));
        folder.Write("broken.png", "no image at all");
        Assert.Contains("broken.png is not a readable", Fault(new() { Folder = folder.Path }));
        folder.Write("labels.csv", "gone.png,1");
        Assert.Contains("gone.png", Fault(new() { Folder = folder.Path }));
        folder.Write("labels.csv", "broken.png");
        Assert.Contains("line 1", Fault(new() { Folder = folder.Path }));
        File.Delete(folder["labels.csv"]);
        folder.Write("cat/1.png", RedBlue);
        Assert.Contains("beside its class folders", Fault(new() { Folder = folder.Path }));
    }

    [Fact]
    public void ImageNet_thumbnails_are_read_with_labels_from_elsewhere()
    {
        var images = Shared.Path("data", "imagenet64");
        using var folder = new TemporaryFolder();
        var labels = folder.Write("labels.txt", string.Join('\n', Enumerable.Range(0, 1000).Select(i => $"{i:0000}.jpg,{i}")));
        var set = new ImageFolder { Folder = images, Labels = labels }.Open();
        Assert.Equal((1000, 1000, new ImageShape(3, 64, 64)), (set.Count, set.ClassNames.Count, set.Shape));
        Assert.Equal(999, set[999].Label);
        Assert.InRange(Enumerable.Range(0, 50).Average(i => set[20 * i].Pixels.Average()), 0.35, 0.55);
    }

    [Fact]
    public void Flowers_are_read()
    {
        var set = new Flowers17 { Folder = Shared.Path("data", "flowers17") }.Open();
        Assert.Equal((1360, 17, new ImageShape(3, 64, 64)), (set.Count, set.ClassNames.Count, set.Shape));
        Assert.Equal([0, 0, 1, 16], new[] { 0, 79, 80, 1359 }.Select(i => set[i].Label));
        // Image 721 and those after it are sunflowers: far more yellow than blue.
        Assert.Equal("sunflower", set.ClassNames[set[720].Label]);
        var sunflowers = Enumerable.Range(720, 20).Select(i => set[i].Pixels).ToList();
        Assert.True(sunflowers.Average(p => p[..4096].Average()) > 1.3 * sunflowers.Average(p => p[8192..].Average()));
    }
}
