using Afterimage.Numerics.Arrays;

namespace Afterimage.Data;

/// <summary>
/// CIFAR-10 in its official binary format: records of a label and 32x32 pixels, red then green then blue (Krizhevsky, 2009).
/// </summary>
[Cites("krizhevsky2009learning")]
public sealed record Cifar10 : DataSource
{
    private const int Pixels = 3 * 32 * 32;

    /// <summary>Which images.</summary>
    public Split Split { get; init; } = Split.Test;

    /// <summary>The folder of data_batch_1.bin to data_batch_5.bin and test_batch.bin; null searches <see cref="DataFolders"/>.</summary>
    public string? Folder { get; init; }

    /// <summary>A single file of records in place of folder and split.</summary>
    public string? File { get; init; }

    /// <inheritdoc/>
    public override ImageSet Open()
    {
        string[] files = Split == Split.Test ? ["test_batch.bin"] : [.. Enumerable.Range(1, 5).Select(i => $"data_batch_{i}.bin")];
        if (File is not null)
            return new Records([Target(File)]);
        var folder = DataFolders.Standard().Find(DataCatalog.Cifar10, Folder, files);
        return new Records([.. files.Select(file => Target(Path.Combine(folder, file)))]);
    }

    /// <summary>The file, or the target of a link, since the length of a link is not that of its target.</summary>
    private static FileInfo Target(string path) => System.IO.File.Exists(path)
        && System.IO.File.ResolveLinkTarget(path, returnFinalTarget: true) is FileInfo target ? target : new(path);

    private sealed class Records(FileInfo[] files) : ImageSet("CIFAR-10", new(3, 32, 32), files.Sum(RecordsIn),
        ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"])
    {
        private static int RecordsIn(FileInfo file)
        {
            if (!file.Exists)
                throw ArrayFault.File(file.FullName,
                    "does not exist: give a CIFAR-10 file in the binary format, or run \"afterimage data get cifar10\"");
            return file.Length is > 0 and <= 1L << 30 && file.Length % (Pixels + 1) == 0 ? (int)(file.Length / (Pixels + 1))
                : throw ArrayFault.File(file.FullName, $"has {file.Length} bytes, which is no whole number of CIFAR-10 records of " +
                    $"{Pixels + 1} bytes: use the binary version, and fetch it again if it is cut");
        }

        protected override LabeledImage Read(int index)
        {
            var file = 0;
            var record = index;
            while (record >= RecordsIn(files[file]))
                record -= RecordsIn(files[file++]);
            var bytes = new byte[Pixels + 1];
            using (var handle = System.IO.File.OpenHandle(files[file].FullName))
                RandomAccess.Read(handle, bytes, (long)record * bytes.Length);
            return bytes[0] < ClassNames.Count ? new(Array.ConvertAll(bytes[1..], value => value / 255f), bytes[0])
                : throw ArrayFault.About(files[file].FullName,
                    $"record {record} has the label {bytes[0]}, but CIFAR-10 has 0 to 9: use the binary version of CIFAR-10");
        }
    }
}
