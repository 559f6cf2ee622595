using Afterimage.Compiled;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Golden;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Compiled;

/// <summary>Every model in the problem files compiles, and agrees with automatic differentiation.</summary>
[Trait("Category", "slow")]
public class ProblemAgreementTests
{
    public static TheoryData<string> PyTorch => PyTorchProblem.Names;

    public static TheoryData<string> Peers => PeerProblem.Names;

    [Theory(SkipTestWithoutData = true), MemberData(nameof(PyTorch))]
    public void A_file_made_by_PyTorch_compiles_and_agrees(string name)
    {
        var problem = new PyTorchProblem(name);
        using var model = problem.Model.Open(problem.Input, problem.Classes, new RandomSource(1), ScalarType.Float32, CPU);
        Agree(model);
    }

    [Theory(SkipTestWithoutData = true), MemberData(nameof(Peers))]
    public void A_network_of_a_published_attack_compiles_and_agrees(string name)
    {
        using var problem = new PeerProblem(name);
        Assert.SkipWhen(problem.Classes < 2, "one logit has no cross-entropy");
        using var model = problem.Model(ScalarType.Float32);
        Agree(model);
    }

    private static void Agree(VictimModel model)
    {
        using var exact = model.To(ScalarType.Float64, CPU);
        using var single = CompiledModel.Of<float>(model);
        using var twice = CompiledModel.Of<double>(exact);
        var inDouble = new Products<double>(twice, 2, 3).ErrorsAgainst(model, 2);
        Assert.True(inDouble.All(error => error < 1e-11), string.Join(", ", inDouble));
        // In single precision one of many thousand values may round to the other side of a kink: not at every point, though.
        var inSingle = Enumerable.Range(0, 8).Select(seed => new Products<float>(single, 1, (ulong)seed).ErrorsAgainst(model, 1).Max());
        Assert.Contains(inSingle, error => error < 1e-5);
    }
}
