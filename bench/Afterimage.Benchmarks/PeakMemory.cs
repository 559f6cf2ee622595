using System.Globalization;
using System.Runtime.InteropServices;

namespace Afterimage.Benchmarks;

/// <summary>The highest resident memory of this process since a moment, as Linux counts it.</summary>
internal static partial class PeakMemory
{
    /// <summary>Gives freed memory back, begins to count anew and returns the resident megabytes now.</summary>
    public static double Restart()
    {
        _ = Trim(0);
        File.WriteAllText("/proc/self/clear_refs", "5");
        return Read("VmRSS:");
    }

    public static double Megabytes() => Read("VmHWM:");

    private static double Read(string field) => double.Parse(
        File.ReadLines("/proc/self/status").First(line => line.StartsWith(field, StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2],
        CultureInfo.InvariantCulture) / 1024;

    // What the allocator keeps of earlier evaluations would hide the next one's.
    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint keep);
}
