using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Models;

/// <summary>Losses against PyTorch 1.13 in double precision.</summary>
public class LossTests
{
    /// <summary>The value, and three entries of the derivative with respect to the logits.</summary>
    public static TheoryData<Loss, double[]> PyTorch => new()
    {
        { new CrossEntropy(), [2.133902599401877, 0.048547615013784885, -0.026557449397629256, 0.012631540123538057] },
        {
            new CrossEntropy { Reduction = Reduction.Sum },
            [6.401707798205631, 0.14564284504135466, -0.07967234819288777, 0.03789462037061418]
        },
        { new CrossEntropy { Smoothing = 0.2 }, [2.066786143484805, 0.04300520640750526, -0.03434525523492221, -0.0029197650490286856] },
        { new BinaryCrossEntropy(), [1.4251525534092844, 0.06324764708956693, -0.007146309328284206, 0.05632981945009096] },
        {
            new BinaryCrossEntropy { Reduction = Reduction.Sum },
            [17.101830640911412, 0.7589717650748031, -0.08575571193941048, 0.6759578334010915]
        },
        { new MeanSquared(), [4.812834278933196, 0.39292484725298055, -0.522192255348786, 0.13266449041868472] },
        { new MeanSquared { Reduction = Reduction.Sum }, [57.75401134719836, 4.715098167035767, -6.266307064185432, 1.5919738850242167] },
    };

    [Theory, MemberData(nameof(PyTorch))]
    public void Value_and_derivative_are_those_of_PyTorch(Loss loss, double[] expected)
    {
        using var scope = NewDisposeScope();
        Tensor Table(Func<int, int, double> entry) =>
            tensor(Enumerable.Range(0, 12).Select(n => entry(n / 4, n % 4)).ToArray(), ScalarType.Float64).view(3, 4);
        var logits = Table((i, j) => 3 * Math.Sin(1 + 3 * i + 7 * j)).requires_grad_();
        var targets = Table((i, j) => 2 * Math.Cos(2 + 5 * i + j)).softmax(1);
        var value = loss.Of(logits, targets);
        var derivative = Differentiate.Gradients(value, [logits])[0].data<double>().ToArray();
        double[] found = [value.ToDouble(), derivative[0], derivative[5], derivative[11]];
        Assert.All(found.Zip(expected), pair => Assert.Equal(pair.Second, pair.First, 1e-12 * Math.Max(1, Math.Abs(pair.Second))));
    }
}
