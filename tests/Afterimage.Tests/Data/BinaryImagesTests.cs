using System.IO.Compression;
using Afterimage.Data;
using Afterimage.Numerics;

namespace Afterimage.Tests.Data;

public class BinaryImagesTests
{
    private static byte[] Zipped(byte[] bytes)
    {
        using var stream = new MemoryStream();
        using (var zip = new GZipStream(stream, CompressionLevel.Fastest))
            zip.Write(bytes);
        return stream.ToArray();
    }

    private static byte[] Record(byte label, byte value) => [label, .. Enumerable.Repeat(value, 3072)];

    [Fact]
    public void Cifar_records_are_read_across_files()
    {
        using var folder = new TemporaryFolder();
        for (byte i = 1; i <= 5; i++)
            folder.Write($"cifar-10-batches-bin/data_batch_{i}.bin", [.. Record(i, 51), .. Record(0, (byte)(10 * i))]);
        var set = new Cifar10 { Split = Split.Train, Folder = folder.Path }.Open();
        Assert.Equal(10, set.Count);
        Assert.Equal([1, 0, 2, 0, 3, 0, 4, 0, 5, 0], Enumerable.Range(0, 10).Select(i => set[i].Label));
        Assert.Equal(0.2f, set[8].Pixels[77]);
        Assert.Equal(50 / 255f, set[9].Pixels[^1]);
    }

    [Fact]
    public void A_link_to_records_is_as_good_as_the_file()
    {
        using var folder = new TemporaryFolder();
        var file = folder.Write("records.bin", [.. Record(3, 4), .. Record(5, 6)]);
        File.CreateSymbolicLink(folder["link.bin"], file);
        Assert.Equal(5, new Cifar10 { File = folder["link.bin"] }.Open()[1].Label);
    }

    [Fact]
    public void Damaged_records_are_named()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("does not exist",
            Assert.Throws<AfterimageException>(() => new Cifar10 { File = folder["none.bin"] }.Open()).Message);
        var cut = folder.Write("cut.bin", Record(1, 2)[..3000]);
        Assert.Contains("3073", Assert.Throws<AfterimageException>(() => new Cifar10 { File = cut }.Open()).Message);
        var odd = folder.Write("odd.bin", Record(77, 2));
        Assert.Contains("label 77", Assert.Throws<AfterimageException>(() => new Cifar10 { File = odd }.Open()[0]).Message);
    }

    [Fact]
    public void Idx_files_are_read()
    {
        using var folder = new TemporaryFolder();
        folder.Write("t10k-images-idx3-ubyte.gz", Zipped([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 51, 255, 1, 2, 3]));
        folder.Write("t10k-labels-idx1-ubyte.gz", Zipped([0, 0, 8, 1, 0, 0, 0, 2, 7, 3]));
        var set = new IdxImages { Folder = folder.Path }.Open();
        Assert.Equal((2, new ImageShape(1, 1, 3)), (set.Count, set.Shape));
        Assert.Equal([0, 0.2f, 1], set[0].Pixels);
        Assert.Equal(3, set[1].Label);
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 8, 3, 127, 255, 255, 255, 0, 0, 0, 28, 0, 0, 0, 28, 1 }, "claims")]
    [InlineData(new byte[] { 0, 0, 8, 3, 255, 255, 255, 255, 0, 0, 0, 1, 0, 0, 0, 1, 1 }, "claims")]
    [InlineData(new byte[] { 0, 0, 8, 1, 0, 0, 0, 1, 5 }, "3 dimensions")]
    [InlineData(new byte[] { 0, 0, 8 }, "3 dimensions")]
    public void Damaged_idx_files_are_named(byte[] images, string reason)
    {
        using var folder = new TemporaryFolder();
        folder.Write("t10k-images-idx3-ubyte.gz", Zipped(images));
        folder.Write("t10k-labels-idx1-ubyte.gz", Zipped([0, 0, 8, 1, 0, 0, 0, 1, 5]));
        var message = Assert.Throws<AfterimageException>(() => new IdxImages { Folder = folder.Path }.Open()).Message;
        Assert.Contains("t10k-images", message);
        Assert.Contains(reason, message);
    }

    [Fact]
    public void A_file_that_is_not_zipped_is_named()
    {
        using var folder = new TemporaryFolder();
        folder.Write("t10k-images-idx3-ubyte.gz", "plain");
        folder.Write("t10k-labels-idx1-ubyte.gz", "plain");
        Assert.Contains("cannot be unpacked",
            Assert.Throws<AfterimageException>(() => new IdxImages { Folder = folder.Path }.Open()).Message);
    }

    [Fact]
    public void Cifar_is_read()
    {
        var set = new Cifar10 { File = Shared.Path("data", "cifar10", "test_batch_first1000.bin") }.Open();
        Assert.Equal(1000, set.Count);
        // The first images of the test set are known: a cat, two ships, an airplane.
        Assert.Equal(["cat", "ship", "ship", "airplane"], Enumerable.Range(0, 4).Select(i => set.ClassNames[set[i].Label]));
        Assert.Equal(10_000, new Cifar10 { File = Shared.Path("data", "cifar10", "data_batch_1.bin") }.Open().Count);
    }

    [Theory]
    [InlineData(IdxSet.Mnist, "mnist", new[] { 7, 2, 1, 0, 4 })]
    [InlineData(IdxSet.FashionMnist, "fashion-mnist", new[] { 9, 2, 1, 1, 6 })]
    public void Mnist_and_fashion_are_read(IdxSet which, string folder, int[] labels)
    {
        var set = new IdxImages { Set = which, Folder = Shared.Path("data", folder) }.Open();
        Assert.Equal((10_000, new ImageShape(1, 28, 28), 10), (set.Count, set.Shape, set.ClassNames.Count));
        Assert.Equal(labels, Enumerable.Range(0, 5).Select(i => set[i].Label));
        Assert.Equal(1f, set[0].Pixels.Max(), 0.02f);
    }
}
