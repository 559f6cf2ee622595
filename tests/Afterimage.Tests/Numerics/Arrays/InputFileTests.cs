using System.Diagnostics;
using Afterimage.Models;
using Afterimage.Numerics.Arrays;
using Afterimage.UpdateFiles;
using static TorchSharp.torch;

namespace Afterimage.Tests.Numerics.Arrays;

/// <summary>Whatever a path leads to, a sentence comes at once.</summary>
public sealed class InputFileTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    private readonly string update;

    public InputFileTests()
    {
        update = folder["true.npz"];
        ArrayFile.Write(update, [NamedArray.Of("w", [2], [1f, 2])]);
    }

    /// <summary>Every way in which a user names a file.</summary>
    public static TheoryData<string> Roles => ["update", "sidecar", "weights", "model"];

    private void Read(string role, string path)
    {
        switch (role)
        {
            case "update": UpdateFile.Read(path); break;
            case "sidecar": UpdateFile.Read(update, path); break;
            case "weights": Weights.Load(path, [("w", [2])]); break;
            case "model": new TorchScriptFile(path).Open(new(1, 2, 2), 2, new(1), ScalarType.Float32, CPU); break;
        }
    }

    [Theory, MemberData(nameof(Roles))]
    public void APathThatIsNoRegularFileIsNamed(string role)
    {
        Directory.CreateDirectory(folder["folder.npz"]);
        Refusal.Says("folder.npz is a directory: give the path", () => Read(role, folder["folder.npz"]));
        File.WriteAllBytes(folder["empty.npz"], []);
        Refusal.Says("empty.npz is an empty .npz file", () => Read(role, folder["empty.npz"]));
        Refusal.Says("nowhere.npz does not exist", () => Read(role, folder["nowhere.npz"]));
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Pipes and devices are those of Linux.");
        Refusal.Says("/dev/zero is a device", () => Read(role, "/dev/zero"));
        using (var made = Process.Start("mkfifo", folder["pipe.npz"]))
            made.WaitForExit();
        Refusal.Says("pipe.npz is a named pipe", () => Read(role, folder["pipe.npz"]));
    }

    [Fact]
    public void ASideCarThatIsAPipeIsNotWaitedFor()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Pipes are those of Linux.");
        using (var made = Process.Start("mkfifo", folder["true.json"]))
            made.WaitForExit();
        Refusal.Says("true.json is a named pipe", () => UpdateFile.Read(update));
    }

    [Theory]
    [InlineData("cut.npz", "is not a .npz file, whatever its name says")]
    [InlineData("cut.safetensors", "too few for a safetensors file")]
    public void AFewBytesAreCalledByTheirName(string name, string sentence) =>
        Refusal.Says(sentence, () => ArrayFile.Read(folder.Write(name, [1, 2, 3])));

    public void Dispose() => folder.Dispose();
}
