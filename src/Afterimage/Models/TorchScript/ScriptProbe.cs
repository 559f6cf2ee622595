using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;

namespace Afterimage.Models.TorchScript;

/// <summary>
/// Loads a TorchScript file in a child process before this one: libtorch ends the process over code that it cannot compile. The child is
/// this program again, which <see cref="StartupHook"/> ends before its Main begins. What loads is remembered in the user's cache folder.
/// </summary>
internal static class ScriptProbe
{
    /// <summary>A switch of the runtime; false leaves the probe out, for hosts that cannot be started a second time.</summary>
    public const string Switch = "Afterimage.ProbeScripts";

    /// <summary>In the environment of a child: the shape of one example, whether gradients are asked for, then the file.</summary>
    public const string Order = "AFTERIMAGE_PROBE";

    private const string Hooks = "DOTNET_STARTUP_HOOKS";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(25);

    /// <param name="path">The file.</param>
    /// <param name="archive">The same file, checked.</param>
    /// <param name="input">The shape of one example, such as 3x32x32 for an image or 64 for a latent.</param>
    /// <param name="gradients">Whether libtorch will be asked for gradients too: not where known layers give them.</param>
    /// <exception cref="AfterimageException">libtorch ends the process over the file, or does not come to an end.</exception>
    public static void Check(string path, ScriptArchive archive, string input, bool gradients)
    {
        if (AppContext.TryGetSwitch(Switch, out var probe) && !probe || Environment.GetEnvironmentVariable(Order) is not null)
            return;
        var known = Path.Combine(NativeRuntime.CacheFolder, "scripts", string.Create(CultureInfo.InvariantCulture,
            $"{archive.Fingerprint:x16}-{input}-{typeof(jit).Assembly.GetName().Version}{(gradients ? "" : "-values")}"));
        if (File.Exists(known) || !Run(path, input, gradients))
            return;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(known)!);
            File.WriteAllBytes(known, []);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Without a cache the next time takes as long.
        }
    }

    /// <summary>False where this program cannot be started a second time.</summary>
    internal static bool Run(string path, string input, bool gradients = true)
    {
        if (Start(path, input, gradients) is not { } started)
            return false;
        using var child = started;
        var messages = child.StandardError.ReadToEndAsync();
        var output = child.StandardOutput.ReadToEndAsync();
        if (!child.WaitForExit(Patience))
        {
            child.Kill();
            throw new AfterimageException($"{path} keeps libtorch busy for more than {Patience.TotalSeconds:0} s with one example of " +
                $"{input}, perhaps in an endless loop: export it again.");
        }
        child.WaitForExit();
        _ = output.Result;
        if (child.ExitCode != 0)
            throw new AfterimageException($"{path} makes libtorch end the process ({Cause(messages.Result, child.ExitCode)}): " +
                "export it again, or name a built-in architecture and give its weights.");
        return true;
    }

    private static Process? Start(string path, string input, bool gradients)
    {
        var library = typeof(ScriptProbe).Assembly.Location;
        var entry = Assembly.GetEntryAssembly()?.Location;
        // A host that runs no startup hooks would begin its own work a second time.
        if (Environment.ProcessPath is not { } host || library.Length == 0 || entry is not { Length: > 0 }
            || AppContext.TryGetSwitch("System.StartupHookProvider.IsSupported", out var hooks) && !hooks)
            return null;
        var name = Path.GetFileName(host).Replace(".exe", "", StringComparison.Ordinal);
        if (name != "dotnet" && name != Path.GetFileNameWithoutExtension(entry))
            return null;
        var start = new ProcessStartInfo(host, name == "dotnet" ? [entry] : [])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment[Hooks] = library;
        start.Environment[Order] = $"{input}|{gradients}|{Path.GetFullPath(path)}";
        try
        {
            return Process.Start(start);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    /// <summary>The first words behind "what():", as libstdc++ writes them.</summary>
    private static string Cause(string messages, int exitCode)
    {
        const string Mark = "what():";
        var at = messages.IndexOf(Mark, StringComparison.Ordinal);
        return NativeWords.First(at < 0 ? messages : messages[(at + Mark.Length)..]) is { Length: > 0 } words ? words
            : FormattableString.Invariant($"exit code {exitCode}");
    }

    /// <summary>The child's end: loads the file and runs one example of zeros through it, and back where gradients are asked for.</summary>
    public static void Obey(string order)
    {
        RuntimeHelpers.RunModuleConstructor(typeof(NativeRuntime).Module.ModuleHandle);
        try
        {
            var (input, gradients, path) = order.Split('|', 3) is [var first, var second, var third]
                ? (first, bool.Parse(second), third) : default;
            long[] shape = [1, .. input.Split('x').Select(size => long.Parse(size, CultureInfo.InvariantCulture))];
            using var scope = NewDisposeScope();
            using var mode = set_grad_enabled(gradients);
            using var module = jit.load<Tensor, Tensor>(File.ReadAllBytes(path), CPU);
            module.eval();
            Tensor[] weights = [.. module.named_parameters().Select(pair => pair.parameter).Where(weight => weight.requires_grad)];
            var logits = module.forward(zeros(shape));
            if (logits is not null && logits.is_floating_point() && logits.requires_grad)
                Differentiate.Gradients(logits.sum(), weights);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // What can be caught is said by the process that asks, with the name of the file.
        }
    }
}
