using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Tests.Attacks.LayerByLayer;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks;

public class IterativeAttackTests
{
    private static readonly Activation ReLU = new(ActivationKind.ReLU);

    private static Network Small => new(new(1, 4, 4), 10, [new Conv2d("a", 1, 2, 3, 1, 1), ReLU,
        new Residual([new Conv2d("b", 2, 2, 3, 1, 1)], []), new Flatten(), new Linear("c", 32, 10)]);

    [Fact]
    public void Numbers_behind_layers_are_counted_inside_of_branches_too() => Assert.Equal(5 * 32 + 10, Small.ValueCount);

    [Fact]
    public void A_batch_whose_layers_do_not_fit_into_memory_is_refused_before_the_search()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Smooth(Simulated.Open(Small), [1]);
        AttackContext Of(int batch) => new()
        {
            Model = client.Context.Model,
            Observation = new() { Update = client.Context.Observation.Update, Training = new FedSgd(), BatchSize = batch },
            Random = new(1),
        };
        Assert.Null(new GradientMatching().Reason(Of(1)));
        Assert.Contains("images of 1x4x4 behind a model of", new GradientMatching().Reason(Of(2_000_000_000))!, StringComparison.Ordinal);
    }
}
