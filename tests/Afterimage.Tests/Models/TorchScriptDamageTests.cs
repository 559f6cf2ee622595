using System.IO.Compression;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Models.TorchScript;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Models;

/// <summary>TorchScript files that are damaged, edited, or models of another kind than is expected.</summary>
public sealed class TorchScriptDamageTests : IDisposable
{
    private static readonly ImageShape Small = SmallScript.Input;
    private readonly TemporaryFolder folder = new();

    private TorchScriptFile Save(string body, int features) => SmallScript.Save(folder, body, features);

    private static VictimModel Open(TorchScriptFile file) => file.Open(Small, 4, new(5), ScalarType.Float32, CPU);

    [Fact]
    public void TheShapeThatAModelTakesIsNamedWhereItCanBeFound()
    {
        var file = Save("y = torch.flatten(torch.max_pool2d(x, [2, 2], [2, 2]), 1)", 3 * 14 * 14);
        Refusal.Says("does not take images of 2x27x31, but of 2x28x28: give the shape",
            () => file.Open(new(2, 27, 31), 4, new(1), ScalarType.Float32, CPU));
    }

    [Theory]
    [InlineData("return None", "returns nothing for an image")]
    [InlineData("return \"hello\"", "returns something other than one tensor")]
    [InlineData("return 3", "returns something other than one tensor")]
    [InlineData("return (x, x)", "returns something other than one tensor")]
    [InlineData("return torch.argmax(torch.mul(x, x), 1)", "returns numbers of the type int64")]
    [InlineData("ops.prim.RaiseException(\"no way\", \"builtins.ValueError\")\nreturn x", "no way")]
    public void AnswersThatAreNoLogitsAreSaidInASentence(string body, string sentence)
    {
        var file = Save($"y = torch.flatten(torch.mul(x, x), 1)\n{body}", 108);
        var edited = Edited(file.Path, (name, text) => text.Replace("-> Tensor:\n    head", "-> Any:\n    head", StringComparison.Ordinal));
        Refusal.Says(sentence, () => Open(new(edited)));
    }

    [Theory]
    [InlineData("y = torch.flatten(torch.detach(torch.mul(x, x)), 1)", "conv.weight")]
    [InlineData("y = torch.zeros_like(torch.flatten(x, 1))", "head.weight")]
    public void ParametersThatGetNoGradientHaveAZeroUpdate(string body, string silent)
    {
        using var _ = NewDisposeScope();
        var model = Open(Save(body, 108));
        var point = new FedSgd().Linearize(model, new(rand(1, 2, 6, 6), eye(4)[TensorIndex.Slice(0, 1)]));
        Assert.Equal(0, point.Value[model.Layout.IndexOf(silent)].abs().sum().ToDouble());
        Assert.Equal(0, point.Pullback(point.Value).Inputs.abs().sum().ToDouble());
        Assert.Equal(0, point.Pushforward(ones(1, 2, 6, 6)).Flat.abs().sum().ToDouble());
        var batch = new Batch(rand(1, 2, 6, 6), eye(4)[TensorIndex.Slice(0, 1)]);
        new FedAvg { Epochs = 2, BatchSize = 1, LearningRate = 0.1 }.Linearize(model, batch);
    }

    [Fact]
    public void AScriptThatWorksInPlaceLeavesImagesAlone()
    {
        using var _ = NewDisposeScope();
        var file = Save("y = torch.flatten(torch.mul(x, x), 1)", 108);
        var edited = Edited(file.Path, (name, text) =>
            text.Replace("    head = self.head\n", "    head = self.head\n    z = torch.mul_(image, 2)\n", StringComparison.Ordinal));
        var model = Open(new(edited));
        var images = ones(1, 2, 6, 6);
        new FedSgd().Linearize(model, new(images, eye(4)[TensorIndex.Slice(0, 1)]));
        Assert.True(images.eq(1).all().ToBoolean());
    }

    [Theory]
    [InlineData("y = torch.flatten(torch.relu(x), 1)")]
    [InlineData("y = torch.flatten(torch.mul(x, x), 1)")]
    public void ParametersThatTheFileDoesNotTrainAreNamed(string body)
    {
        using var model = Open(SmallScript.Save(folder, body, 108, trained: "head"));
        Assert.Equal(["conv.weight", "conv.bias"], model.Frozen);
        using var copy = model.To(ScalarType.Float64, CPU);
        Assert.Equal(model.Frozen, copy.Frozen);
    }

    [Theory]
    [InlineData("model/data/0")]
    [InlineData("model/code/__torch__.py")]
    [InlineData("model/data.pkl")]
    public void AFlippedBitIsFoundByTheChecksum(string entry)
    {
        var path = Save("y = torch.flatten(torch.relu(x), 1)", 108).Path;
        var bytes = File.ReadAllBytes(path);
        // The contents follow the first mention of the name.
        bytes[bytes.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(entry)) + entry.Length + 9] ^= 4;
        Refusal.Says($"its {entry} is damaged", () => Open(new(folder.Write("flipped.pt", bytes))));
    }

    [Fact]
    public void WhatLibtorchWouldReadPastOrMissIsFoundBefore()
    {
        var path = Save("y = torch.flatten(torch.relu(x), 1)", 108).Path;
        string With(Func<string, byte[], byte[]?> edit) => Rewritten(path, edit);
        Refusal.Says("model/data/0 has 8 bytes", () => Open(new(With((name, bytes) => name == "model/data/0" ? bytes[..8] : bytes))));
        Refusal.Says("lacks the tensor data model/data/0", () => Open(new(With((name, bytes) => name == "model/data/0" ? null : bytes))));
        Refusal.Says("lacks model/constants.pkl", () => Open(new(With((name, bytes) => name.EndsWith("constants.pkl") ? null : bytes))));
        Refusal.Says("constants.pkl is damaged",
            () => Open(new(With((name, bytes) => name.EndsWith("constants.pkl") ? bytes[..3] : bytes))));
        Refusal.Says("version is \"99\"", () => Open(new(With((name, bytes) => name.EndsWith("version") ? "99\n"u8.ToArray() : bytes))));
        Refusal.Says("brackets do not match", () => Open(new(Edited(path, (_, text) => text[..(text.LastIndexOf('(') + 3)]))));
        Refusal.Says("its code lacks __torch__.Layer", () => Open(new(Edited(path, (_, text) =>
            text.Replace("class Layer(", "class Other(", StringComparison.Ordinal)))));
        Refusal.Says("ops.torchvision.nms, an operator of a library beyond PyTorch", () => Open(new(Edited(path, (_, text) =>
            text.Replace("torch.relu(x)", "ops.torchvision.nms(x)", StringComparison.Ordinal)))));
    }

    [Fact]
    public void WeightsThatAreNotNumbersAreTheModelsFault()
    {
        var path = Save("y = torch.flatten(torch.relu(x), 1)", 108).Path;
        var damaged = Rewritten(path, (name, bytes) => name == "model/data/0" ? [.. bytes[..8], 0, 0, 0xC0, 0x7F, .. bytes[12..]] : bytes);
        Refusal.Says("\"conv.weight\" has values that are not finite", () => Open(new(damaged)));
    }

    [Fact]
    public void CodeOverWhichLibtorchEndsTheProcessEndsAChild()
    {
        var good = Save("y = torch.flatten(torch.mul(x, x), 1)", 108).Path;
        Assert.True(ScriptProbe.Run(good, $"{Small}"));
        var bad = Edited(good, (_, text) => text.Replace("torch.mul(", "torch.mull(", StringComparison.Ordinal));
        Refusal.Says("makes libtorch end the process (Unknown builtin op: aten::mull)", () => ScriptProbe.Run(bad, $"{Small}"));
        var undeclared = Edited(good, (_, text) => text.Replace("  conv : __torch__.Layer\n", "", StringComparison.Ordinal));
        Refusal.Says("('__torch__.Model' object has no attribute or method 'conv')", () => ScriptProbe.Run(undeclared, $"{Small}"));
    }

    private string Edited(string path, Func<string, string, string> edit) => Rewritten(path, (name, bytes) =>
        name.EndsWith(".py", StringComparison.Ordinal)
            ? System.Text.Encoding.UTF8.GetBytes(edit(name, System.Text.Encoding.UTF8.GetString(bytes))) : bytes);

    private string Rewritten(string path, Func<string, byte[], byte[]?> edit)
    {
        using var zip = ZipFile.OpenRead(path);
        var entries = new List<(string, byte[])>();
        foreach (var entry in zip.Entries)
        {
            using var stream = entry.Open();
            using var content = new MemoryStream();
            stream.CopyTo(content);
            if (edit(entry.FullName, content.ToArray()) is { } edited)
                entries.Add((entry.FullName, edited));
        }
        return folder.Write("edited.pt", TorchScriptFileTests.Zip([.. entries]));
    }

    public void Dispose() => folder.Dispose();
}
