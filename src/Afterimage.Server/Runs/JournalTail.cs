using System.Text;
using System.Text.Json;
using Afterimage.Reports;

namespace Afterimage.Server.Runs;

/// <summary>One line of a journal and its place.</summary>
internal readonly record struct JournalLine(AuditEvent Event, long Offset, int Length);

/// <summary>Reads on in the journal of a folder, which another process may be writing.</summary>
internal sealed class JournalTail(string folder)
{
    private const int Block = 1 << 20;

    private readonly string path = Path.Combine(folder, Journal.FileName);
    private long position;

    /// <summary>Lines so far that were no events.</summary>
    public int Unreadable { get; private set; }

    /// <summary>Whether the file became shorter, so that all of it is new; a torn last line that is cut off was never read.</summary>
    public bool HasRestarted() => new FileInfo(path) is { Exists: true } file && file.Length < position;

    /// <summary>Begins again.</summary>
    public void Restart() => (position, Unreadable) = (0, 0);

    /// <summary>The whole lines since the last call, at most a block of them.</summary>
    public IReadOnlyList<JournalLine> Read()
    {
        if (new FileInfo(path) is not { Exists: true } file || file.Length <= position)
            return [];
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        for (var size = Block; ; size *= 2)
        {
            stream.Seek(position, SeekOrigin.Begin);
            var bytes = new byte[Math.Min(size, stream.Length - position)];
            var text = bytes.AsSpan(0, stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false));
            var end = text.LastIndexOf((byte)'\n') + 1;
            if (end == 0 && text.Length == size && size < Array.MaxLength / 2)
                continue;
            var lines = Lines(text[..end], position);
            position += end;
            return lines;
        }
    }

    /// <summary>The event at a place, as it was read before; null where the file has changed.</summary>
    public AuditEvent? At(long offset, int length)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var bytes = new byte[length];
        stream.Seek(offset, SeekOrigin.Begin);
        return stream.ReadAtLeast(bytes, length, throwOnEndOfStream: false) == length ? Event(bytes) : null;
    }

    private List<JournalLine> Lines(ReadOnlySpan<byte> text, long offset)
    {
        var lines = new List<JournalLine>();
        for (var at = 0; at < text.Length;)
        {
            var length = text[at..].IndexOf((byte)'\n');
            if (Event(text.Slice(at, length)) is { } found)
                lines.Add(new(found, offset + at, length));
            else
                Unreadable++;
            at += length + 1;
        }
        return lines;
    }

    private static AuditEvent? Event(ReadOnlySpan<byte> line)
    {
        try
        {
            return ReportJson.ReadEvent(Encoding.UTF8.GetString(line));
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
