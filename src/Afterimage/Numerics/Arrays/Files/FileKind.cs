using System.Runtime.InteropServices;

namespace Afterimage.Numerics.Arrays;

/// <summary>What the system says of a path without opening it: to open a pipe would wait until somebody writes into it.</summary>
internal static partial class FileKind
{
    private const int AtWorkingDirectory = -100;
    private const uint TypeAndMode = 1;
    private const int TypeMask = 0xF000;

    /// <summary>The end of "is ...", or null for a regular file and for a path that leads nowhere.</summary>
    public static string? Other(string path)
    {
        if (Directory.Exists(path))
            return "a directory";
        if (!OperatingSystem.IsLinux() || Ask(AtWorkingDirectory, path, 0, TypeAndMode, out var status) != 0)
            return null;
        return (status.Mode & TypeMask) switch
        {
            0x1000 => "a named pipe, not a regular file",
            0x2000 or 0x6000 => "a device, not a regular file",
            0xC000 => "a socket, not a regular file",
            _ => null,
        };
    }

    /// <summary>The kernel's struct statx, whose layout is the same on every architecture.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Status
    {
        [FieldOffset(28)]
        public ushort Mode;
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Ask(int folder, string path, int flags, uint mask, out Status status);
}
