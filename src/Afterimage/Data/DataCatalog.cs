namespace Afterimage.Data;

/// <summary>A file that can be downloaded.</summary>
/// <param name="Addresses">URLs, the most reliable first.</param>
/// <param name="Bytes">Its size, or null where it is not known.</param>
/// <param name="Checksum">MD5 or SHA-256 in hexadecimal, as published.</param>
public sealed record DataFile(ValueList<string> Addresses, long? Bytes, string Checksum)
{
    /// <summary>The file name, from the first URL.</summary>
    public string Name => Addresses[0][(Addresses[0].LastIndexOf('/') + 1)..];

    /// <summary>Whether it is a gzipped tar archive.</summary>
    public bool IsArchive => Name.EndsWith(".tar.gz", StringComparison.Ordinal) || Name.EndsWith(".tgz", StringComparison.Ordinal);
}

/// <summary>A public data set that can be downloaded.</summary>
/// <param name="Name">As in "afterimage data get NAME"; also the name of its folder.</param>
/// <param name="Title">Its proper name.</param>
/// <param name="Summary">What it holds, in a few words.</param>
/// <param name="Inside">The folder inside the archive that holds the files; empty where there is none.</param>
/// <param name="Files">What to download.</param>
public sealed record DataEntry(string Name, string Title, string Summary, string Inside, ValueList<DataFile> Files)
{
    /// <summary>Files that lie in its folder when it is there, those of its test images.</summary>
    public ValueList<string> Marks { get; init; } = [];

    /// <summary>Instructions for a download by hand into a folder, the second half of a sentence.</summary>
    public string ByHand(string folder)
    {
        var then = Files.Any(file => file.IsArchive) ? "unpack it into" : "put them into";
        return $"download {string.Join(", ", Files.Select(file => file.Addresses[0]))} and {then} {folder}";
    }
}

/// <summary>The public data sets that Afterimage can download.</summary>
public static class DataCatalog
{
    /// <summary>CIFAR-10 (Krizhevsky, 2009).</summary>
    public static DataEntry Cifar10 { get; } = new("cifar10", "CIFAR-10", "60,000 photographs of 10 classes, 3x32x32",
        "cifar-10-batches-bin",
    [
        new(["https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"], 170_052_171,
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"),
    ])
    { Marks = ["test_batch.bin"] };

    /// <summary>MNIST (LeCun et al., 1998).</summary>
    public static DataEntry Mnist { get; } = new("mnist", "MNIST", "70,000 handwritten digits, 1x28x28", "",
    [
        Digits("train-images-idx3-ubyte.gz", 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        Digits("train-labels-idx1-ubyte.gz", 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        Digits("t10k-images-idx3-ubyte.gz", 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        Digits("t10k-labels-idx1-ubyte.gz", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ])
    { Marks = ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"] };

    /// <summary>Fashion-MNIST (Xiao et al., 2017).</summary>
    public static DataEntry FashionMnist { get; } = new("fashion-mnist", "Fashion-MNIST", "70,000 pictures of clothes, 1x28x28", "",
    [
        Clothes("train-images-idx3-ubyte.gz", 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        Clothes("train-labels-idx1-ubyte.gz", 29_515, "25c81989df183df01b3e8a0aad5dffbe"),
        Clothes("t10k-images-idx3-ubyte.gz", 4_422_102, "bef4ecab320f06d8554ea6380940ec79"),
        Clothes("t10k-labels-idx1-ubyte.gz", 5_148, "bb300cfdad3c16e7a12a480ee83cd310"),
    ])
    { Marks = ["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"] };

    /// <summary>Oxford 17 Flowers (Nilsback and Zisserman, 2006).</summary>
    public static DataEntry Flowers17 { get; } = new("flowers17", "Oxford 17 Flowers", "1,360 photographs of 17 flowers, of any size",
        "jpg",
    [
        new(["https://www.robots.ox.ac.uk/~vgg/data/flowers/17/17flowers.tgz"], null, "b59a65d8d1a99cd66944d474e1289eab"),
    ])
    { Marks = ["image_0001.jpg", "image_1360.jpg"] };

    /// <summary>All of them.</summary>
    public static ValueList<DataEntry> Entries { get; } = [Cifar10, Mnist, FashionMnist, Flowers17];

    /// <summary>The data set of this name.</summary>
    /// <exception cref="AfterimageException">There is none.</exception>
    public static DataEntry Find(string name) => Entries.FirstOrDefault(entry => entry.Name == name)
        ?? throw new AfterimageException($"There is no data set \"{name}\"; there are " +
            $"{string.Join(", ", Entries.Select(entry => entry.Name))}.");

    private static DataFile Digits(string file, long bytes, string checksum) =>
        new([$"https://ossci-datasets.s3.amazonaws.com/mnist/{file}", $"http://yann.lecun.com/exdb/mnist/{file}"], bytes, checksum);

    private static DataFile Clothes(string file, long bytes, string checksum) =>
        new([$"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/{file}"], bytes, checksum);
}
