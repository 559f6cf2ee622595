using System.Collections.Immutable;
using System.Text;
using System.Text.Json;

namespace Afterimage.Reports;

/// <summary>
/// The events of an audit in a file to which lines of JSON are appended. A run that stopped is resumed from its
/// <see cref="CaseFinished"/> lines. While a case runs, its latest pictures lie beside the file. Thread-safe.
/// </summary>
public sealed class Journal : IDisposable
{
    /// <summary>Name of the file in the report's folder.</summary>
    public const string FileName = "events.jsonl";

    private readonly FileStream _file;
    private readonly Dictionary<string, IterateThinning> _iterates = [];
    private readonly Dictionary<string, string> _phases = [];
    private readonly EmergingPictures _emerging;
    private readonly Lock _gate = new();

    private Journal(FileStream file, EmergingPictures emerging) => (_file, _emerging) = (file, emerging);

    /// <summary>Opens or creates the journal of a report folder. An incomplete last line, which a crash left, is cut off.</summary>
    public static Journal Open(string folder)
    {
        Directory.CreateDirectory(folder);
        var file = new FileStream(Path.Combine(folder, FileName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite);
        file.SetLength(EndOfLastLine(file));
        file.Seek(0, SeekOrigin.End);
        return new(file, new(folder));
    }

    /// <summary>
    /// Appends one line and flushes it. Thumbnails go to <see cref="EmergingPictures"/> instead, and a case adds at most
    /// <see cref="IterateThinning.LinesPerCase"/> iterates and a line where each of its phases begins. All other events are on the disk
    /// when this returns.
    /// </summary>
    public void Append(AuditEvent next)
    {
        lock (_gate)
        {
            if (next is CaseStarted started)
                _iterates[started.Id] = new(started.Budget);
            if (next is IterateSeen seen)
            {
                if (!_iterates.TryGetValue(seen.Id, out var thinning))
                    _iterates[seen.Id] = thinning = new(budget: 0);
                _emerging.Show(seen);
                if (!thinning.Keeps(seen))
                    return;
                next = seen with { Thumbnail = null };
            }
            if (next is PhaseSeen phase)
            {
                if (_phases.GetValueOrDefault(phase.Id) == phase.Name)
                    return;
                _phases[phase.Id] = phase.Name;
            }
            if (next is CaseResult ended)
            {
                _phases.Remove(ended.CaseId);
                _emerging.Forget(ended.CaseId);
            }
            _file.Write(Encoding.UTF8.GetBytes(ReportJson.WriteEvent(next) + "\n"));
            _file.Flush(flushToDisk: next is not (IterateSeen or PhaseSeen));
        }
    }

    /// <summary>
    /// The events of a report folder in order; none where there is no journal. An incomplete last line, which a crash left, is ignored.
    /// </summary>
    /// <exception cref="ReportException">Another line is not an event.</exception>
    public static ImmutableArray<AuditEvent> Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        if (!File.Exists(path))
            return [];
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        var length = EndOfLastLine(file);
        file.Seek(0, SeekOrigin.Begin);
        using var text = new StreamReader(file, Encoding.UTF8);
        var events = ImmutableArray.CreateBuilder<AuditEvent>();
        for (long position = 0, number = 1; position < length && text.ReadLine() is { } line; number++)
        {
            position += Encoding.UTF8.GetByteCount(line) + 1;
            try
            {
                events.Add(ReportJson.ReadEvent(line));
            }
            catch (JsonException fault)
            {
                throw new ReportException(
                    $"{path}, line {number}, is not an event: {JsonFault.Text(fault)} Remove the line to go on without it.", fault);
            }
        }
        return events.ToImmutable();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _emerging.Dispose();
        _file.Dispose();
    }

    private static long EndOfLastLine(FileStream file)
    {
        var block = new byte[4096];
        for (var end = file.Length; end > 0;)
        {
            var start = Math.Max(0, end - block.Length);
            var part = block.AsSpan(0, (int)(end - start));
            file.Seek(start, SeekOrigin.Begin);
            file.ReadExactly(part);
            if (part.LastIndexOf((byte)'\n') is var at and >= 0)
                return start + at + 1;
            end = start;
        }
        return 0;
    }
}

/// <summary>
/// Decides which iterates of a case are written to the journal: evenly spaced ones where the budget is known, otherwise such that
/// each gap is a sixteenth of the evaluations so far, and the first one of each restart.
/// </summary>
/// <param name="budget">The largest number of evaluations that the case may use; 0 where it is unknown.</param>
internal sealed class IterateThinning(int budget)
{
    /// <summary>The largest number of iterates of one case.</summary>
    public const int LinesPerCase = 200;

    private int _kept;
    private int _restart = -1;
    private int _evaluations;

    public bool Keeps(IterateSeen seen)
    {
        var gap = budget > 0 ? Math.Max(1, (budget + LinesPerCase - 1) / LinesPerCase) : Math.Max(1, seen.Evaluations / 16);
        if (_kept == LinesPerCase || (seen.Restart == _restart && seen.Evaluations - _evaluations < gap))
            return false;
        (_kept, _restart, _evaluations) = (_kept + 1, seen.Restart, seen.Evaluations);
        return true;
    }
}
