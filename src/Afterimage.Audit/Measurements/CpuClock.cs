using System.Runtime.InteropServices;

namespace Afterimage.Audit.Measurements;

/// <summary>CPU time of the current thread where the system tells it and libtorch has no threads of its own; otherwise of the process.</summary>
internal static partial class CpuClock
{
    private const int ThreadCpuTime = 3;

    public static double Seconds() => OperatingSystem.IsLinux() && get_num_threads() == 1 && Read(ThreadCpuTime, out var time) == 0
        ? time.Seconds + time.Nanoseconds * 1e-9
        : Environment.CpuUsage.TotalTime.TotalSeconds;

    private struct Time
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int Read(int clock, out Time time);
}
