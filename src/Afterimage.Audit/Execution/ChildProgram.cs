using System.Diagnostics;
using System.Reflection;
using System.Text;
using Afterimage.Numerics;

namespace Afterimage.Audit.Execution;

/// <summary>The program that a child process runs.</summary>
/// <param name="File">The executable.</param>
/// <param name="Arguments">What comes before the hidden command.</param>
internal sealed record ChildProgram(string File, ValueList<string> Arguments)
{
    /// <summary>This program again, with the same parts in its catalog: the executable, or dotnet with the same entry assembly.</summary>
    public static ChildProgram Own()
    {
        var host = Environment.ProcessPath
            ?? throw new AfterimageException("This system does not tell which program runs, so leave out --isolate.");
        var entry = Assembly.GetEntryAssembly()?.Location;
        return new(host, Path.GetFileNameWithoutExtension(host) == "dotnet" && entry is { Length: > 0 } ? [entry] : []);
    }

    /// <summary>Starts the program with redirected input and output.</summary>
    /// <exception cref="AfterimageException">It cannot be started.</exception>
    public Process Start()
    {
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        var start = new ProcessStartInfo(File, [.. Arguments, ChildCase.Command])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = utf8,
            StandardOutputEncoding = utf8,
            StandardErrorEncoding = utf8,
        };
        start.Environment[ChildCase.Mark] = "1";
        try
        {
            return Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception fault)
        {
            throw new AfterimageException($"{File} cannot be started a second time ({fault.Message}), so leave out --isolate.", fault);
        }
    }
}
