using System.IO.Compression;
using System.Runtime.InteropServices;

namespace Afterimage.Tests.Fuzzing;

/// <summary>Archives with files missing, twice, renamed, or edited with a true checksum.</summary>
internal static class ZipDamage
{
    public static byte[] Of(byte[] bytes, Random random)
    {
        try
        {
            var entries = Unpacked(bytes);
            if (entries.Count > 0)
            {
                Edit(entries, random);
                return Packed(entries, random.Next(4) == 0 ? CompressionLevel.Fastest : CompressionLevel.NoCompression);
            }
        }
        catch (Exception damaged) when (damaged is InvalidDataException or IOException or ArgumentException or NotSupportedException)
        {
            // It is no zip any more.
        }
        return ByteDamage.Of(bytes, random);
    }

    private static void Edit(List<(string Name, byte[] Bytes)> entries, Random random)
    {
        var at = random.Next(entries.Count);
        var (name, bytes) = entries[at];
        switch (random.Next(8))
        {
            case 0:
                entries.RemoveAt(at);
                break;
            case 1:
                entries.Add(entries[at]);
                break;
            case 2:
                entries[at] = (TextDamage.Of(name, random), bytes);
                break;
            case 3:
                var other = random.Next(entries.Count);
                (entries[at], entries[other]) = ((name, entries[other].Bytes), (entries[other].Name, bytes));
                break;
            case 4:
                entries[at] = (name, new byte[random.Next(3) == 0 ? 4_000_000 : random.Next(100)]);
                break;
            case 5 when bytes.Length > 8:
                var values = bytes.ToArray();
                foreach (ref var number in MemoryMarshal.Cast<byte, float>(values.AsSpan(bytes.Length / 2 / 4 * 4)))
                    number = random.Next(20) == 0 ? float.NaN : random.Next(20) == 0 ? 1e30f : random.NextSingle() - 0.5f;
                entries[at] = (name, values);
                break;
            default:
                entries[at] = (name, name.EndsWith(".py", StringComparison.Ordinal) ? TextDamage.OfBytes(bytes, random)
                    : ByteDamage.Of(bytes, random));
                break;
        }
    }

    private static List<(string Name, byte[] Bytes)> Unpacked(byte[] bytes)
    {
        using var zip = new ZipArchive(new MemoryStream(bytes), ZipArchiveMode.Read);
        var entries = new List<(string, byte[])>();
        foreach (var entry in zip.Entries.Where(entry => entry.Length < 10_000_000))
        {
            using var stream = entry.Open();
            using var content = new MemoryStream();
            stream.CopyTo(content);
            entries.Add((entry.FullName, content.ToArray()));
        }
        return entries;
    }

    private static byte[] Packed(List<(string Name, byte[] Bytes)> entries, CompressionLevel level)
    {
        using var content = new MemoryStream();
        using (var zip = new ZipArchive(content, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var (name, bytes) in entries)
            {
                var entry = zip.CreateEntry(name.Length == 0 ? "x" : name, level);
                entry.LastWriteTime = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);
                using var stream = entry.Open();
                stream.Write(bytes);
            }
        return content.ToArray();
    }
}
