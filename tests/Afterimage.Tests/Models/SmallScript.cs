using Afterimage.Models;
using Afterimage.Numerics;

namespace Afterimage.Tests.Models;

/// <summary>TorchScript files that tests write without Python: images of 2x6x6, four classes.</summary>
internal static class SmallScript
{
    public static readonly ImageShape Input = new(2, 6, 6);

    /// <summary>Parameters of the model itself: those of a vision transformer of 36 tokens, and a layer scale.</summary>
    private static readonly Dictionary<string, long[]> Own = new()
    {
        ["token"] = [1, 1, 3], ["places"] = [1, 37, 3], ["scale"] = [3, 1, 1], ["tail"] = [3],
    };

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
            class Odd(Module):
              __parameters__ = []
              __buffers__ = []
              training : bool
              def forward(self: __torch__.Odd,
                x: Tensor) -> Tensor:
                return torch.cumsum(x, 1)
            class Model(Module):
              __parameters__ = [{{string.Concat(registered.Split(", ").Where(Own.ContainsKey).Select(name => $"\"{name}\", "))}}]
              __buffers__ = []
              training : bool
              down : bool
              pad : int
            {{string.Join("\n", registered.Split(", ").Select(name => $"  {name} : {Type(name)}"))}}
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
        static string Type(string name) => Own.ContainsKey(name) ? "Tensor"
            : $"__torch__.{name switch { "norm" => "Norm", "odd" => "Odd", _ => "Layer" }}";
        ModuleValue WeightAndBias(string name, params long[] weight) => new("__torch__.Layer",
            ("weight", new TensorValue(weight) { IsTrained = trained.Contains(name, StringComparison.Ordinal) }),
            ("bias", new TensorValue(weight[0]) { IsTrained = trained.Contains(name, StringComparison.Ordinal) }), ("training", false));
        object Layer(string name) => name switch
        {
            "head" => WeightAndBias(name, 4, features),
            "conv" => WeightAndBias(name, 3, 2, 3, 3),
            "norm" => new ModuleValue("__torch__.Norm", ("weight", new TensorValue(3)), ("bias", new TensorValue(3)),
                ("running_mean", new TensorValue(3)), ("running_var", new TensorValue(3)), ("training", true)),
            "odd" => new ModuleValue("__torch__.Odd", ("training", false)),
            "ln" => WeightAndBias(name, 3),
            "qkv" => WeightAndBias(name, 9, 3),
            "q" or "k" or "v" or "proj" => WeightAndBias(name, 3, 3),
            _ when Own.TryGetValue(name, out var shape) => new TensorValue(shape) { IsTrained = true },
            _ => WeightAndBias(name, 3, 3, 3, 3),
        };
        var root = new ModuleValue("__torch__.Model", [("training", true), ("down", true), ("pad", 2),
            .. registered.Split(", ").Select(name => (name, (object?)Layer(name)))]);
        return new(folder.Write("model.pt", ScriptArchiveWriter.Write(code, root)));
    }
}
