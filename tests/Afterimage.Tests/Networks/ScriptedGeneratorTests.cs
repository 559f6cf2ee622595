using Afterimage.Networks;
using Afterimage.Numerics;
using Afterimage.Tests.Models;
using TorchSharp;
using static TorchSharp.torch;
using Generator = Afterimage.Networks.Generator;

namespace Afterimage.Tests.Networks;

public class ScriptedGeneratorTests
{
    private const int Latent = 5;
    private static readonly ImageShape Image = new(3, 4, 4);

    private const string Dense = """
        y = torch.reshape(torch.addmm(bias, x, torch.t(weight)), [-1, 2, 4, 4])
        z = torch.tanh(y)
        """;

    private const string Colors = """
        y = torch._convolution(x, weight, bias, [1, 1], [0, 0], [1, 1], False, [0, 0], 1, False, False, True, True)
        z = torch.tanh(y)
        """;

    [Fact]
    public void One_file_and_a_list_of_stages_give_images()
    {
        using var whole = Whole();
        using var staged = Staged();
        using var scope = NewDisposeScope();
        Assert.Equal((1, 2), (whole.Stages, staged.Stages));
        Assert.Equal(["0.weight", "0.bias", "1.weight", "1.bias"], staged.Layout.Entries.Select(entry => entry.Name));
        var latents = staged.Draw(2, new(1), ScalarType.Float32, CPU);
        var parameters = new GradientSet(staged.Layout, staged.Flat).Split();
        var features = nn.functional.linear(latents, parameters[0], parameters[1]).view(2, 2, 4, 4).tanh();
        var expected = (nn.functional.conv2d(features, parameters[2], parameters[3]).tanh() + 1) / 2;
        Assert.True((staged.Decode(latents, null) - expected).abs().max().ToDouble() < 1e-6);
    }

    [Fact]
    public void Files_that_are_none_and_wrong_shapes_are_named()
    {
        using var folder = new TemporaryFolder();
        var dense = Write(folder, "dense.pt", Dense, 32, Latent);
        Refusal.Says("gives a tensor of shape [1,2,4,4] for one latent of 5, not an image of 3x4x4",
            () => ScriptedGenerator.Open([dense], Image, Latent));
        Refusal.Says("dense.pt fails on a tensor of shape [1,7]", () => ScriptedGenerator.Open([dense], Image, 7));
        Refusal.Says("does not exist", () => ScriptedGenerator.Open([folder["none.pt"]], Image, Latent));
        Refusal.Says("not TorchScript", () => ScriptedGenerator.Open([folder.Write("text.pt", "hello")], Image, Latent));
        Refusal.Says("needs at least one file", () => ScriptedGenerator.Open([], Image, Latent));
    }

    [Fact]
    public void A_JSON_file_says_how_the_files_go_together()
    {
        using var folder = new TemporaryFolder();
        Write(folder, "dense.pt", Dense.Replace("2, 4, 4", "3, 4, 4", StringComparison.Ordinal), 48, Latent);
        string Json(string text) => folder.Write("mine.json", text);
        using var whole = Whole();
        using var read = Generator.Load(Json("""{"stages": ["dense.pt"], "shape": "3x4x4", "latent": 5, "pixels": "symmetric"}"""));
        using var scope = NewDisposeScope();
        var latents = ones(2, Latent);
        Assert.Equal(whole.Decode(latents, null).shape, read.Decode(latents, null).shape);
        Assert.InRange(read.Decode(latents, null).min().ToDouble(), 0, 1);
        Refusal.Says("\"width\"", () => Generator.Load(Json("""
            {"stages": ["dense.pt"], "shape": "3x4x4", "latent": 5, "width": 3}
            """)));
        Refusal.Says("needs at least one file", () => Generator.Load(Json("""{"stages": [], "shape": "3x4x4", "latent": 5}""")));
        Refusal.Says("none.pt does not exist", () => Generator.Load(Json("""{"stages": ["none.pt"], "shape": "3x4x4", "latent": 5}""")));
        Refusal.Says("does not exist", () => Generator.Load(folder["other.json"]));
    }

    /// <summary>A linear layer to images in [-1,1].</summary>
    internal static ScriptedGenerator Whole()
    {
        using var folder = new TemporaryFolder();
        var body = Dense.Replace("2, 4, 4", "3, 4, 4", StringComparison.Ordinal);
        return ScriptedGenerator.Open([Write(folder, "whole.pt", body, 48, Latent)], Image, Latent, PixelRange.Symmetric);
    }

    /// <summary>A linear layer to feature maps, and a convolution to images.</summary>
    internal static ScriptedGenerator Staged()
    {
        using var folder = new TemporaryFolder();
        return ScriptedGenerator.Open([Write(folder, "dense.pt", Dense, 32, Latent), Write(folder, "colors.pt", Colors, 3, 2, 1, 1)],
            Image, Latent, PixelRange.Symmetric);
    }

    private static string Write(TemporaryFolder folder, string name, string body, params long[] weight)
    {
        var code = $$"""
            class Model(Module):
              __parameters__ = ["weight", "bias", ]
              __buffers__ = []
              weight : Tensor
              bias : Tensor
              training : bool
              def forward(self: __torch__.Model,
                x: Tensor) -> Tensor:
                weight = self.weight
                bias = self.bias
            {{string.Join("\n", body.Split('\n').Select(line => "    " + line))}}
                return z

            """;
        return folder.Write(name, ScriptArchiveWriter.Write(code, new("__torch__.Model",
            ("weight", new TensorValue(weight) { IsTrained = true }), ("bias", new TensorValue(weight[0]) { IsTrained = true }),
            ("training", false))));
    }
}
