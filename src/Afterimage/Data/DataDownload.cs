using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;

namespace Afterimage.Data;

/// <summary>Downloads a data set into a temporary folder, checks and unpacks it, and only then moves it to its place.</summary>
public static class DataDownload
{
    private const long LargestArchive = 4L << 30;

    /// <summary>Downloads the files that are not there yet and returns the folder of the data set.</summary>
    /// <param name="entry">The data set.</param>
    /// <param name="root">The folder that holds one subfolder for each data set.</param>
    /// <param name="progress">Bytes received of the current file, and its size where that is known.</param>
    /// <param name="handler">Answers the requests; null for the network.</param>
    /// <param name="cancellation">Stops the download, which leaves no files behind.</param>
    /// <exception cref="AfterimageException">No network, a wrong checksum, or a damaged archive; says how to download by hand.</exception>
    public static string Get(DataEntry entry, string root, IProgress<(long Done, long? Total)>? progress = null,
        HttpMessageHandler? handler = null, CancellationToken cancellation = default)
    {
        var folder = Path.Combine(root, entry.Name);
        var work = Path.Combine(root, $".{entry.Name}-{Path.GetRandomFileName()}");
        try
        {
            using var client = new HttpClient(handler ?? new SocketsHttpHandler(),
                disposeHandler: handler is null)
            {
                Timeout = Timeout.InfiniteTimeSpan,
            };
            Directory.CreateDirectory(work);
            foreach (var file in entry.Files.Where(file => !file.IsArchive || !Directory.Exists(Path.Combine(folder, entry.Inside))))
            {
                if (File.Exists(Path.Combine(folder, file.Name)))
                    continue;
                var path = Path.Combine(work, file.Name);
                Fetch(client, file, path, progress, cancellation);
                if (!file.IsArchive)
                    continue;
                Unpack(path, work, cancellation);
                File.Delete(path);
            }
            cancellation.ThrowIfCancellationRequested();
            Move(work, folder);
            return folder;
        }
        catch (Exception error) when (error is HttpRequestException or IOException or InvalidDataException or UnauthorizedAccessException
            or FormatException)
        {
            throw new AfterimageException(
                $"{entry.Title} could not be fetched ({error.Message.TrimEnd('.')}): try again, or {entry.ByHand(folder)}.", error);
        }
        finally
        {
            if (Directory.Exists(work))
                Directory.Delete(work, recursive: true);
        }
    }

    private static void Fetch(HttpClient client, DataFile file, string path, IProgress<(long, long?)>? progress,
        CancellationToken cancellation)
    {
        for (var i = 0; ; i++)
            try
            {
                Fetch(client, file.Addresses[i], file, path, progress, cancellation);
                return;
            }
            catch (Exception error) when (i + 1 < file.Addresses.Count
                && error is HttpRequestException or IOException or InvalidDataException)
            {
                File.Delete(path);
            }
    }

    private static void Fetch(HttpClient client, string address, DataFile file, string path, IProgress<(long, long?)>? progress,
        CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        using var response = client.Send(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        response.EnsureSuccessStatusCode();
        using var hash = IncrementalHash.CreateHash(file.Checksum.Length == 64 ? HashAlgorithmName.SHA256 : HashAlgorithmName.MD5);
        using (var from = response.Content.ReadAsStream(cancellation))
        using (var to = File.Create(path))
        {
            var total = file.Bytes ?? response.Content.Headers.ContentLength;
            var buffer = new byte[1 << 16];
            var done = 0L;
            for (int read; (read = from.Read(buffer)) > 0;)
            {
                cancellation.ThrowIfCancellationRequested();
                done += read;
                if (done > (file.Bytes ?? LargestArchive))
                    throw new InvalidDataException($"{address} is longer than it should be");
                hash.AppendData(buffer, 0, read);
                to.Write(buffer, 0, read);
                progress?.Report((done, total));
            }
        }
        if (!Convert.ToHexStringLower(hash.GetHashAndReset()).Equals(file.Checksum, StringComparison.Ordinal))
            throw new InvalidDataException($"what came from {address} does not have the published checksum {file.Checksum}");
    }

    private static void Unpack(string archive, string folder, CancellationToken cancellation)
    {
        using var stream = new GZipStream(File.OpenRead(archive), CompressionMode.Decompress);
        using var tar = new TarReader(stream);
        var inside = Path.GetFullPath(folder) + Path.DirectorySeparatorChar;
        var unpacked = 0L;
        while (tar.GetNextEntry() is { } entry)
        {
            cancellation.ThrowIfCancellationRequested();
            if (entry.EntryType is TarEntryType.Directory or TarEntryType.GlobalExtendedAttributes)
                continue;
            var path = Path.GetFullPath(Path.Combine(folder, entry.Name));
            if (entry.EntryType is not (TarEntryType.RegularFile or TarEntryType.V7RegularFile)
                || !path.StartsWith(inside, StringComparison.Ordinal) || path == archive)
                throw new InvalidDataException($"the archive holds \"{entry.Name}\", which is not a plain file inside it");
            if ((unpacked += entry.Length) > LargestArchive)
                throw new InvalidDataException("the archive unpacks to more than it should");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            entry.ExtractToFile(path, overwrite: false);
        }
    }

    private static void Move(string work, string folder)
    {
        if (!Directory.Exists(folder))
        {
            Directory.Move(work, folder);
            return;
        }
        foreach (var file in Directory.EnumerateFiles(work, "*", SearchOption.AllDirectories).ToList())
        {
            var to = Path.Combine(folder, Path.GetRelativePath(work, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Move(file, to, overwrite: true);
        }
    }
}
