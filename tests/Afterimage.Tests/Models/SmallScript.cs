using Afterimage.Models;
using Afterimage.Numerics;

namespace Afterimage.Tests.Models;

/// <summary>TorchScript files that tests write without Python: images of 2x6x6, four classes.</summary>
internal static class SmallScript
{
    public static readonly ImageShape Input = new(2, 6, 6);

    /// <summary>A convolution to three 6x6 channels, the body under test, and a linear head over what remains.</summary>
    public static TorchScriptFile Save(TemporaryFolder folder, string body, int features, string registered = "conv, head",
        string trained = "")
    {
        var code = $$"""
            class Layer(Module):
              __parameters__ = ["weight", "bias", ]
              __buffers__ = []
              weight : Tensor
              bias : Tensor
              training : bool
            class Norm(Module):
              __parameters__ = ["weight", "bias", ]
              __buffers__ = ["running_mean", "running_var", ]
              weight : Tensor
              bias : Tensor
              running_mean : Tensor
              running_var : Tensor
              training : bool
              def forward(self: __torch__.Norm,
                x: Tensor) -> Tensor:
                training = self.training
                weight = self.weight
                bias = self.bias
                running_mean = self.running_mean
                running_var = self.running_var
                eps = 1.0000000000000001e-05
                return torch.batch_norm(x, weight, bias, running_mean, running_var, training, 0.10000000000000001, eps, True)
            class Model(Module):
              __parameters__ = []
              __buffers__ = []
              training : bool
              down : bool
              pad : int
            {{string.Join("\n", registered.Split(", ").Select(name => $"  {name} : __torch__.{(name == "norm" ? "Norm" : "Layer")}"))}}
              def forward(self: __torch__.Model,
                image: Tensor) -> Tensor:
                head = self.head
                conv = self.conv
                weight = conv.weight
                bias = conv.bias
                x = torch._convolution(image, weight, bias, [1, 1], [1, 1], [1, 1], False, [0, 0], 1, False, False, True, True)
            {{string.Join("\n", body.Split('\n').Select(line => "    " + line))}}
                weight0 = head.weight
                bias0 = head.bias
                _9 = torch.addmm(bias0, y, torch.t(weight0))
                return _9

            """;
        ModuleValue WeightAndBias(string name, params long[] weight) => new("__torch__.Layer",
            ("weight", new TensorValue(weight) { IsTrained = trained.Contains(name, StringComparison.Ordinal) }),
            ("bias", new TensorValue(weight[0]) { IsTrained = trained.Contains(name, StringComparison.Ordinal) }), ("training", false));
        object Layer(string name) => name switch
        {
            "head" => WeightAndBias(name, 4, features),
            "conv" => WeightAndBias(name, 3, 2, 3, 3),
            "norm" => new ModuleValue("__torch__.Norm", ("weight", new TensorValue(3)), ("bias", new TensorValue(3)),
                ("running_mean", new TensorValue(3)), ("running_var", new TensorValue(3)), ("training", true)),
            _ => WeightAndBias(name, 3, 3, 3, 3),
        };
        var root = new ModuleValue("__torch__.Model", [("training", true), ("down", true), ("pad", 2),
            .. registered.Split(", ").Select(name => (name, (object?)Layer(name)))]);
        return new(folder.Write("model.pt", ScriptArchiveWriter.Write(code, root)));
    }
}
