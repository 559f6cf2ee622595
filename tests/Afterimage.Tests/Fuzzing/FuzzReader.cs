using System.Diagnostics;
using System.Text.RegularExpressions;
using Afterimage.Audit.Cases;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Models.TorchScript;
using Afterimage.Numerics;
using Afterimage.Numerics.Arrays;
using Afterimage.Tests.Models;
using Afterimage.UpdateFiles;
using static TorchSharp.torch;

namespace Afterimage.Tests.Fuzzing;

/// <summary>Reads files as the commands do and judges how that ended.</summary>
/// <param name="folder">Where the files are written.</param>
/// <param name="native">Whether TorchScript goes on to libtorch, which needs a process that may end.</param>
internal sealed partial class FuzzReader(string folder, bool native)
{
    /// <summary>The answers that a file may get.</summary>
    public const string Read = "read", Refused = "refused";

    private const long FreeMemory = 512L << 20;
    private readonly ExperimentFile experiments = new(Catalog.Standard);

    /// <summary><see cref="Read"/>, <see cref="Refused"/>, or what is wrong.</summary>
    public string Judge(FuzzFile file)
    {
        // A JSON beside an update of the same name would be taken for its side-car.
        var path = Path.Combine(folder, $"{file.Kind}{file.Ending}");
        File.WriteAllBytes(path, file.Bytes);
        var (before, began) = (GC.GetAllocatedBytesForCurrentThread(), Stopwatch.GetTimestamp());
        var answer = Answer(file.Kind, path);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        return Stopwatch.GetElapsedTime(began).TotalSeconds > 30 ? "hung for more than 30 s"
            : allocated > 2 * file.Bytes.Length + FreeMemory ? $"allocated {allocated >> 20} MB"
            : answer;
    }

    private string Answer(FuzzKind kind, string path)
    {
        try
        {
            using var scope = NewDisposeScope();
            Open(kind, path);
            return Read;
        }
        catch (AfterimageException refusal)
        {
            return Fault(refusal.Message, Path.GetFileName(path)) ?? Refused;
        }
        catch (Exception crash)
        {
            return $"crashed: {crash.GetType().Name}: {crash.Message.Split('\n')[0]} {crash.StackTrace?.Split('\n')[0]}";
        }
    }

    private void Open(FuzzKind kind, string path)
    {
        switch (kind)
        {
            case FuzzKind.Update:
                UpdateFile.Read(path).Match(FuzzSeeds.Layout, ScalarType.Float32, CPU, FuzzSeeds.Buffers);
                break;
            case FuzzKind.Sidecar:
                var update = Path.Combine(folder, "true.npz");
                if (!File.Exists(update))
                    File.WriteAllBytes(update, FuzzSeeds.All.First(file => file is { Kind: FuzzKind.Update, Ending: ".npz" }).Bytes);
                UpdateFile.Read(update, path);
                break;
            case FuzzKind.Weights:
                Weights.Load(path, FuzzSeeds.Layout.Entries.Select(entry => (entry.Name, entry.Shape)).Concat(FuzzSeeds.Buffers));
                break;
            case FuzzKind.Experiment:
                experiments.Read(path);
                break;
            case FuzzKind.Script when !native:
                TorchScriptReader.Read(path, ScriptArchive.Open(path, File.ReadAllBytes(path)), SmallScript.Input, 4);
                break;
            case FuzzKind.Script:
                using (var model = new TorchScriptFile(path).Open(SmallScript.Input, 4, new(5), ScalarType.Float32, CPU))
                    new FedSgd().Linearize(model, LocalTraining.Gray(model, 1)).Pullback(new(model.Layout, ones(model.Layout.Count)));
                break;
        }
    }

    /// <summary>What is wrong with a message, or null.</summary>
    private static string? Fault(string message, string name) =>
        !message.Contains(name, StringComparison.Ordinal) ? $"does not name the file: {message}"
        : message.Contains('\n') || !message.EndsWith('.') || Sentences().IsMatch(Quoted().Replace(message, ""))
            ? $"not one sentence: {message}"
        : Types().IsMatch(Quoted().Replace(message, "")) ? $"names a type: {message}"
        : null;

    [GeneratedRegex(@"[.!?] +[A-Z]")]
    private static partial Regex Sentences();

    [GeneratedRegex("\"[^\"]*\"")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\b(System|Microsoft|TorchSharp|Afterimage)\.\w+|`\d|\bat \w+\.\w+\(|c10::|std::")]
    private static partial Regex Types();
}
