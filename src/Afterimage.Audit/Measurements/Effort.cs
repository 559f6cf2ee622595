using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Afterimage.Audit.Measurements;

/// <summary>
/// The time that something has taken since it began: on the clock, and of the CPU. The latter is that of the current thread where the
/// system tells it and libtorch has no threads of its own; otherwise of the process.
/// </summary>
public sealed partial class Effort
{
    private const int ThreadCpuTime = 3;

    private readonly long begin = Stopwatch.GetTimestamp();
    private readonly double cpu = Cpu();

    /// <summary>Wall-clock seconds.</summary>
    public double Seconds => Stopwatch.GetElapsedTime(begin).TotalSeconds;

    /// <summary>Seconds of the CPU.</summary>
    public double CpuSeconds => Cpu() - cpu;

    private static double Cpu() => OperatingSystem.IsLinux() && get_num_threads() == 1 && Read(ThreadCpuTime, out var time) == 0
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
