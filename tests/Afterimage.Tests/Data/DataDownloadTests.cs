using System.Formats.Tar;
using System.IO.Compression;
using System.Net;
using System.Security.Cryptography;
using Afterimage.Data;

namespace Afterimage.Tests.Data;

public class DataDownloadTests
{
    private sealed class Network(Dictionary<string, byte[]> pages) : HttpMessageHandler
    {
        public List<string> Asked { get; } = [];

        protected override HttpResponseMessage Send(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var address = request.RequestUri!.ToString();
            Asked.Add(address);
            return pages.TryGetValue(address, out var bytes) ? new(HttpStatusCode.OK) { Content = new ByteArrayContent(bytes) }
                : throw new HttpRequestException("no route to host");
        }

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
            throw new NotSupportedException();
    }

    private static byte[] Archive(params TarEntry[] entries)
    {
        using var stream = new MemoryStream();
        using (var zip = new GZipStream(stream, CompressionLevel.Fastest, leaveOpen: true))
        using (var tar = new TarWriter(zip))
            foreach (var entry in entries)
                tar.WriteEntry(entry);
        return stream.ToArray();
    }

    private static PaxTarEntry File(string name, string text) =>
        new(TarEntryType.RegularFile, name) { DataStream = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(text)) };

    private static DataEntry Entry(byte[] content, string address = "http://there.example/set.tar.gz", long? bytes = null) =>
        new("set", "The set", "for tests", "inside", [new([address], bytes, Convert.ToHexStringLower(SHA256.HashData(content)))]);

    private const string Address = "http://there.example/set.tar.gz";

    [Fact]
    public void An_archive_is_fetched_checked_unpacked_and_moved()
    {
        using var folder = new TemporaryFolder();
        var archive = Archive(new PaxTarEntry(TarEntryType.Directory, "inside/"), File("inside/a.bin", "hello"), File("inside/deep/b.bin", "you"));
        var network = new Network(new() { [Address] = archive });
        var seen = new List<(long Done, long? Total)>();
        var where = DataDownload.Get(Entry(archive), folder.Path, new Recorder(seen), network);
        Assert.Equal(folder["set"], where);
        Assert.Equal("hello", System.IO.File.ReadAllText(folder["set", "inside", "a.bin"]));
        Assert.Equal("you", System.IO.File.ReadAllText(folder["set", "inside", "deep", "b.bin"]));
        Assert.Equal((archive.Length, archive.Length), seen[^1]);
        Assert.Equal(["set"], Directory.GetFileSystemEntries(folder.Path).Select(Path.GetFileName));

        DataDownload.Get(Entry(archive), folder.Path, null, network);
        Assert.Single(network.Asked);
    }

    private sealed class Recorder(List<(long, long?)> seen) : IProgress<(long Done, long? Total)>
    {
        public void Report((long Done, long? Total) value) => seen.Add(value);
    }

    [Fact]
    public void Only_missing_files_are_fetched_and_mirrors_are_tried_in_turn()
    {
        using var folder = new TemporaryFolder();
        byte[] a = [1, 2, 3], b = [4, 5];
        folder.Write("set/a.gz", a);
        var entry = new DataEntry("set", "The set", "", "",
        [
            new(["http://one.example/a.gz"], 3, Convert.ToHexStringLower(SHA256.HashData(a))),
            new(["http://one.example/b.gz", "http://two.example/b.gz"], 2, Convert.ToHexStringLower(CryptographicOperations.HashData(HashAlgorithmName.MD5, b))),
        ]);
        var network = new Network(new() { ["http://two.example/b.gz"] = b });
        DataDownload.Get(entry, folder.Path, null, network);
        Assert.Equal(["http://one.example/b.gz", "http://two.example/b.gz"], network.Asked);
        Assert.Equal(b, System.IO.File.ReadAllBytes(folder["set", "b.gz"]));
    }

    private static string Fault(TemporaryFolder folder, DataEntry entry, Dictionary<string, byte[]> pages)
    {
        var message = Assert.Throws<AfterimageException>(() => DataDownload.Get(entry, folder["root"], null, new Network(pages))).Message;
        Assert.Contains("download http://there.example/set.tar.gz and unpack it into", message);
        Assert.Empty(Directory.GetFileSystemEntries(folder["root"]));
        return message;
    }

    [Fact]
    public void Every_failure_leaves_nothing_behind_and_gives_the_way_by_hand()
    {
        using var folder = new TemporaryFolder();
        var archive = Archive(File("inside/a.bin", "hello"));
        Assert.Contains("no route to host", Fault(folder, Entry(archive), []));
        Assert.Contains("checksum", Fault(folder, Entry([1, 2, 3]), new() { [Address] = archive }));
        Assert.Contains("longer", Fault(folder, Entry(archive, bytes: 10), new() { [Address] = archive }));
        Assert.Contains("could not be fetched", Fault(folder, Entry([1, 2, 3]), new() { [Address] = [1, 2, 3] }));
    }

    [Fact]
    public void An_archive_cannot_write_outside_its_folder()
    {
        using var folder = new TemporaryFolder();
        foreach (var name in (string[])["../../evil.txt", "/tmp/afterimage-evil.txt", "set.tar.gz"])
        {
            var archive = Archive(File(name, "evil"));
            Assert.Contains("not a plain file inside it", Fault(folder, Entry(archive), new() { [Address] = archive }));
        }
        var link = Archive(new PaxTarEntry(TarEntryType.SymbolicLink, "inside/link") { LinkName = "/etc/passwd" });
        Assert.Contains("not a plain file", Fault(folder, Entry(link), new() { [Address] = link }));
        Assert.False(System.IO.File.Exists(folder["evil.txt"]));
    }

    [Fact]
    public void Cancellation_leaves_nothing_behind()
    {
        using var folder = new TemporaryFolder();
        var archive = Archive(File("inside/a.bin", "hello"));
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() =>
            DataDownload.Get(Entry(archive), folder.Path, null, new Network(new() { [Address] = archive }), cancelled.Token));
        Assert.Empty(Directory.GetFileSystemEntries(folder.Path));
    }

    [Fact]
    public void The_catalog_knows_its_sets_by_name()
    {
        Assert.Equal(["cifar10", "mnist", "fashion-mnist", "flowers17"], DataCatalog.Entries.Select(entry => entry.Name));
        Assert.All(DataCatalog.Entries.SelectMany(entry => entry.Files), file => Assert.Matches("^([0-9a-f]{32}|[0-9a-f]{64})$", file.Checksum));
        Assert.Contains("cifar10, mnist", Assert.Throws<AfterimageException>(() => DataCatalog.Find("imagenet")).Message);
    }

    [Theory]
    [InlineData("mnist", "t10k-images-idx3-ubyte.gz")]
    [InlineData("mnist", "t10k-labels-idx1-ubyte.gz")]
    [InlineData("fashion-mnist", "t10k-labels-idx1-ubyte.gz")]
    public void Official_files_have_the_checksums_of_the_catalog(string name, string file)
    {
        var bytes = System.IO.File.ReadAllBytes(Shared.Path("data", name, file));
        var known = DataCatalog.Find(name).Files.Single(entry => entry.Name == file);
        Assert.Equal(known.Bytes, bytes.Length);
        Assert.Equal(known.Checksum, Convert.ToHexStringLower(
            CryptographicOperations.HashData(known.Checksum.Length == 64 ? HashAlgorithmName.SHA256 : HashAlgorithmName.MD5, bytes)));
    }

    [Fact]
    public void Folders_are_searched_in_order_and_absence_is_explained()
    {
        using var folder = new TemporaryFolder();
        var usual = DataFolders.From(null, folder["here"], folder["me"]);
        var message = Assert.Throws<AfterimageException>(() => usual.Find(DataCatalog.Cifar10, null, "test_batch.bin")).Message;
        foreach (var part in (string[])["CIFAR-10", "test_batch.bin", folder["here", "data", "cifar10"], folder["me", "afterimage", "data", "cifar10"],
            "\"afterimage data get cifar10\"", "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"])
            Assert.Contains(part, message);
        folder.Write("me/afterimage/data/cifar10/cifar-10-batches-bin/test_batch.bin", [1]);
        Assert.Equal(folder["me", "afterimage", "data", "cifar10", "cifar-10-batches-bin"], usual.Find(DataCatalog.Cifar10, null, "test_batch.bin"));
        folder.Write("here/data/cifar10/test_batch.bin", [1]);
        Assert.StartsWith(folder["here"], usual.Find(DataCatalog.Cifar10, null, "test_batch.bin"));
        Assert.Equal([folder["set"]], DataFolders.From(folder["set"], folder["here"], folder["me"]).Roots);
        Assert.Throws<AfterimageException>(() => usual.Find(DataCatalog.Cifar10, folder["nowhere"], "test_batch.bin"));
    }
}
