using System.Numerics;
using Afterimage.Compiled;
using Afterimage.Models;
using Afterimage.Numerics;

namespace Afterimage.Tests.Compiled;

public class AgreementTests
{
    public static TheoryData<string, int> Cases => new()
    {
        { "lenet", 1 }, { "lenet", 3 }, { "mlp", 1 }, { "mlp", 5 }, { "convnet", 2 }, { "resnet", 1 }, { "resnet", 2 }, { "mixed", 1 },
        { "mixed", 3 },
        { "plain", 1 }, { "plain", 9 }, { "bare", 2 },
        { "group", 2 }, { "depthwise", 2 }, { "dilation", 2 }, { "pointwise", 2 }, { "stride", 2 }, { "norm", 2 }, { "average", 2 },
        { "max", 2 }, { "few positions", 1 }, { "few positions", 2 }, { "multiplied", 2 },
        { "shortcut", 2 }, { "doubled", 2 }, { "projected", 2 }, { "ReLU", 2 }, { "LeakyReLU", 2 }, { "Sigmoid", 2 }, { "Tanh", 2 },
        { "Gelu", 2 },
        { "Silu", 2 }, { "Softplus", 2 }, { "SoftLeakyReLU", 2 }, { "SoftGateLeakyReLU", 2 },
        { "one group", 2 }, { "three groups", 2 }, { "twelve groups", 2 }, { "adaptive", 2 }, { "concatenation", 2 }, { "squared", 2 },
        { "gated", 2 }, { "squeeze", 2 },
        { "plain norm", 2 }, { "layer norm", 2 }, { "layer norm of planes", 2 }, { "layer norm of rows", 2 }, { "layer scale", 2 },
        { "embedding", 2 }, { "modern", 2 }, { "transformer", 1 }, { "transformer", 2 }, { "separate heads", 2 },
        { "ReLU6", 2 }, { "HardSigmoid", 2 }, { "HardSwish", 2 }, { "Elu", 2 },
    };

    [Theory, MemberData(nameof(Cases))]
    public void Double_precision_agrees_with_automatic_differentiation(string name, int batch) => Agree<double>(name, batch, 1e-11);

    [Theory, MemberData(nameof(Cases))]
    public void Single_precision_agrees_with_automatic_differentiation(string name, int batch) => Agree<float>(name, batch, 1e-5);

    private static void Agree<T>(string name, int batch, double tolerance) where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        var network = Architectures.Named(name);
        var channels = network.Input.Channels;
        var mean = Enumerable.Range(0, channels).Select(channel => 0.3 + 0.1 * channel).ToValueList();
        var deviation = Enumerable.Range(0, channels).Select(channel => 0.5 - 0.05 * channel).ToValueList();
        using var model = Architectures.Model(network, 7, new(mean, deviation));
        using var typed = model.To(typeof(T) == typeof(float) ? TorchSharp.torch.ScalarType.Float32
            : TorchSharp.torch.ScalarType.Float64, TorchSharp.torch.CPU);
        using var compiled = CompiledModel.Of<T>(typed);
        var errors = new Products<T>(compiled, batch, 11).ErrorsAgainst(model, batch);
        Assert.True(errors.All(error => error < tolerance),
            $"{name} at batch {batch}: {string.Join(", ", errors.Select(e => e.ToString("g2")))}");
    }
}
