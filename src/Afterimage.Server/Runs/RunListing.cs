using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Afterimage.Reports;
using Afterimage.Server.Work;

namespace Afterimage.Server.Runs;

/// <summary>The runs below a folder. A run is found by its identity alone: no path from outside is ever put together with one.</summary>
internal sealed class RunListing(string folder, RunQueue queue, WorkSource work)
{
    private const int Deepest = 3;

    private readonly Lock gate = new();
    private readonly Dictionary<string, RunFeed> feeds = [];
    private string shown = "";
    private int watchers;

    /// <summary>The list as JSON for everybody who looks at it.</summary>
    public Broadcast<string> Lists { get; } = new("");

    public bool IsWatched => Volatile.Read(ref watchers) > 0;

    /// <summary>Somebody looks at the list, or no longer.</summary>
    public void Watch(bool begins) => Interlocked.Add(ref watchers, begins ? 1 : -1);

    /// <summary>The run of an identity; null where there is none.</summary>
    public RunFeed? Find(string id)
    {
        lock (gate)
        {
            if (feeds.GetValueOrDefault(id) is { } known && Directory.Exists(known.Folder))
                return known;
            Scan();
            return feeds.GetValueOrDefault(id);
        }
    }

    /// <summary>Runs that somebody looks at.</summary>
    public IReadOnlyList<RunFeed> Watched()
    {
        lock (gate)
            return [.. feeds.Values.Where(feed => feed.IsWatched)];
    }

    /// <summary>Looks for new runs and tells everybody if the list has changed.</summary>
    public void Refresh()
    {
        lock (gate)
        {
            Scan();
            var list = PageJson.Write(new
            {
                Runs = feeds.Values.Select(feed => feed.Summary())
                    .OrderByDescending(run => run.Status is RunStatus.Running).ThenByDescending(run => run.Status is RunStatus.Waiting)
                    .ThenByDescending(run => run.Started ?? DateTimeOffset.MaxValue).ThenBy(run => run.Folder, StringComparer.Ordinal)
                    .ToImmutableArray(),
                Work = work.Now(),
            });
            if (list == shown)
                return;
            shown = list;
            Lists.Publish(list);
        }
    }

    /// <summary>The identity of a run's folder.</summary>
    public static string IdOf(string root, string path) => Convert.ToHexStringLower(
        SHA256.HashData(Encoding.UTF8.GetBytes(Path.GetRelativePath(root, path).Replace('\\', '/'))))[..20];

    private void Scan()
    {
        var found = Folders(folder, 0).ToDictionary(path => IdOf(folder, path));
        foreach (var gone in feeds.Keys.Where(id => !found.ContainsKey(id)).ToArray())
            feeds.Remove(gone);
        foreach (var (id, path) in found)
            if (!feeds.ContainsKey(id))
                feeds[id] = new(id, path, queue);
    }

    /// <summary>Folders with a journal, or with a run that waits; links lead elsewhere and are left out.</summary>
    private static IEnumerable<string> Folders(string path, int depth)
    {
        var run = new RunFolder(path);
        if (run.Began || run.IsQueued || File.Exists(run.Experiment))
            return [path];
        if (depth == Deepest)
            return [];
        var options = new EnumerationOptions
        {
            IgnoreInaccessible = true, AttributesToSkip = FileAttributes.ReparsePoint | FileAttributes.Hidden,
        };
        return Directory.EnumerateDirectories(path, "*", options).SelectMany(child => Folders(child, depth + 1));
    }
}
