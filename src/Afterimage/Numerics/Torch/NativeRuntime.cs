using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using System.Security.Cryptography;
using System.Text;

namespace Afterimage.Numerics;

/// <summary>
/// Loads TorchSharp's native library on systems whose C++ runtime is older than GCC 13 (Debian 12, Ubuntu 22.04).
/// The library asks for the symbol version GLIBCXX_3.4.32, but calls no symbol of that version. A copy in which this version
/// is marked as optional (weak) loads and runs. The copy lies in the user's cache folder and is made only where the original
/// does not load.
/// </summary>
public static class NativeRuntime
{
    private const string Library = "libLibTorchSharp.so";
    private const string Version = "GLIBCXX_3.4.32";
    private static readonly string[] Dependencies = ["libc10.so", "libtorch_cpu.so", "libtorch.so"];

    /// <summary>One sentence on how the native library was loaded, or null where the system loads it by itself.</summary>
    public static string? Note { get; private set; }

    /// <summary>Where this program keeps what it can make again.</summary>
    internal static string CacheFolder => Path.Combine(Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } set ? set
        : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "afterimage");

    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "A library reference must be enough to make the native library load.")]
    internal static void Register()
    {
        if (OperatingSystem.IsLinux() && RuntimeInformation.ProcessArchitecture == Architecture.X64)
            AssemblyLoadContext.Default.ResolvingUnmanagedDll += (_, name) => name == "LibTorchSharp" ? LoadPatched() : 0;
    }

    private static nint LoadPatched()
    {
        try
        {
            var original = SearchFolders().Select(folder => Path.Combine(folder, Library)).FirstOrDefault(File.Exists);
            if (original is null)
            {
                Note = $"{Library} is not beside the program: build the project that references libtorch, then run from its output folder.";
                return 0;
            }
            var bytes = File.ReadAllBytes(original);
            if (!MarkVersionWeak(bytes))
            {
                Note = $"{original} does not load, and not for want of {Version}: check that libtorch's files are beside it.";
                return 0;
            }
            var patched = Store(bytes);
            foreach (var dependency in Dependencies)
                NativeLibrary.Load(Path.Combine(Path.GetDirectoryName(original)!, dependency));
            var handle = NativeLibrary.Load(patched);
            Note = $"The system's C++ runtime lacks {Version}, so a copy of {Library} that does not ask for it was loaded from {patched}.";
            return handle;
        }
        catch (Exception error) when (error
            is IOException or UnauthorizedAccessException or DllNotFoundException or BadImageFormatException)
        {
            Note = $"TorchSharp's native library could not be loaded ({error.Message.TrimEnd('.')}). " +
                   "Install a C++ runtime of GCC 13 or newer (libstdc++6), or use Debian 13 or Ubuntu 24.04.";
            return 0;
        }
    }

    private static IEnumerable<string> SearchFolders()
    {
        var known = AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "";
        return known.Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
            .Append(AppContext.BaseDirectory)
            .Append(Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native"));
    }

    private static string Store(byte[] bytes)
    {
        var folder = Path.Combine(CacheFolder, Convert.ToHexStringLower(SHA256.HashData(bytes))[..16]);
        var path = Path.Combine(folder, Library);
        if (File.Exists(path) && new FileInfo(path).Length == bytes.Length)
            return path;
        Directory.CreateDirectory(folder);
        var temporary = Path.Combine(folder, Path.GetRandomFileName());
        File.WriteAllBytes(temporary, bytes);
        File.Move(temporary, path, overwrite: true);
        return path;
    }

    /// <summary>Sets VER_FLG_WEAK in place on the entry for the version; false when the file does not ask for it.</summary>
    internal static bool MarkVersionWeak(Span<byte> elf)
    {
        const uint VersionNeeds = 0x6ffffffe;
        const int HeaderSize = 64;
        if (elf.Length < 64 || !elf[..5].SequenceEqual<byte>([0x7f, (byte)'E', (byte)'L', (byte)'F', 2]))
            return false;
        var sections = (int)BinaryPrimitives.ReadUInt64LittleEndian(elf[0x28..]);
        var count = BinaryPrimitives.ReadUInt16LittleEndian(elf[0x3c..]);
        for (var i = 0; i < count; i++)
        {
            var header = elf.Slice(sections + i * HeaderSize, HeaderSize);
            if (BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) != VersionNeeds)
                continue;
            var link = (int)BinaryPrimitives.ReadUInt32LittleEndian(header[40..]);
            var names = elf.Slice(sections + link * HeaderSize, HeaderSize);
            return MarkIn(elf, FileOffset(header), FileOffset(names));
        }
        return false;
    }

    private static int FileOffset(ReadOnlySpan<byte> sectionHeader) => (int)BinaryPrimitives.ReadUInt64LittleEndian(sectionHeader[24..]);

    private static bool MarkIn(Span<byte> elf, int need, int names)
    {
        var wanted = Encoding.ASCII.GetBytes(Version + "\0");
        while (true)
        {
            var entries = BinaryPrimitives.ReadUInt16LittleEndian(elf[(need + 2)..]);
            var entry = need + (int)BinaryPrimitives.ReadUInt32LittleEndian(elf[(need + 8)..]);
            for (var i = 0; i < entries; i++)
            {
                var name = names + (int)BinaryPrimitives.ReadUInt32LittleEndian(elf[(entry + 8)..]);
                if (elf[name..].StartsWith(wanted))
                {
                    elf[entry + 4] |= 0x2;
                    return true;
                }
                entry += (int)BinaryPrimitives.ReadUInt32LittleEndian(elf[(entry + 12)..]);
            }
            var next = (int)BinaryPrimitives.ReadUInt32LittleEndian(elf[(need + 12)..]);
            if (next == 0)
                return false;
            need += next;
        }
    }
}
