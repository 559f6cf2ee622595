using System.Globalization;

namespace Afterimage.Numerics;

/// <summary>What this process may still set aside: what the machine has free, and no more than a container allows.</summary>
public static class FreeMemory
{
    /// <summary>In bytes.</summary>
    public static long Bytes()
    {
        var allowed = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes - Environment.WorkingSet;
        return Math.Max(0, Available() is { } available ? Math.Min(allowed, available) : allowed);
    }

    /// <summary>Why so much cannot be had, the end of a sentence; null where it can.</summary>
    /// <param name="bytes">What is needed.</param>
    public static string? Lack(long bytes) => Bytes() is var free && bytes > free ? string.Create(CultureInfo.InvariantCulture,
        $"about {bytes / 1e9:0.0} GB of memory, and {free / 1e9:0.0} GB are free") : null;

    /// <summary>Linux's estimate of what can be had without swapping; null elsewhere.</summary>
    private static long? Available()
    {
        const string File = "/proc/meminfo", Name = "MemAvailable:";
        if (!OperatingSystem.IsLinux() || !System.IO.File.Exists(File))
            return null;
        var line = System.IO.File.ReadLines(File).FirstOrDefault(line => line.StartsWith(Name, StringComparison.Ordinal));
        return long.TryParse(line?[Name.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), CultureInfo.InvariantCulture,
            out var kilobytes) ? kilobytes << 10 : null;
    }
}
