using Afterimage.Attacks;
using Afterimage.Fidelities;
using Afterimage.Models;
using Afterimage.Priors;
using Afterimage.Solvers;
using Afterimage.Spaces;
using Afterimage.Tests.Attacks.LayerByLayer;
using Afterimage.Tests.Compiled;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.Features;

public class FeatureMatchingTests
{
    private static readonly Activation ReLU = new(ActivationKind.ReLU);

    private static Network Hidden => new(new(1, 8, 8), 10, [new Conv2d("a", 1, 24, 3, 1, 1), ReLU, new MaxPool2d(2, 2), new Flatten(),
        new Linear("b", 384, 40), ReLU, new Linear("c", 40, 10)]);

    /// <summary>A convolution that takes three images apart, behind one with a stride; its features are abundant.</summary>
    private static Network Convolutional => new(new(1, 8, 8), 10, [new Conv2d("a", 1, 32, 3, 2, 1, Bias: false), new BatchNorm2d("an", 32),
        ReLU, new Conv2d("b", 32, 80, 3, 1, 1), ReLU, new GlobalAvgPool2d(), new Flatten(), new Linear("c", 80, 10)]);

    private static FeatureMatching By(SearchSpace space, int iterations) => new()
    {
        Method = new GradientMatching
        {
            Space = space, Fidelity = new Cosine(), Solver = new FirstOrder { LearningRate = 0.05, Iterations = iterations }, Tolerance = 0,
        },
    };

    [Theory]
    [Trait("Category", "slow")]
    [InlineData(true), InlineData(false)]
    public void Every_image_is_found_by_its_own_features(bool hidden)
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Smooth(Architectures.Model(hidden ? Hidden : Convolutional, 1), [4, 4, 7]);
        using var found = By(new Pixels { Box = true }, 400).Run(client.Context);
        var (psnr, labels) = client.Judge(found);
        Assert.All(psnr, value => Assert.InRange(value, 25, double.PositiveInfinity));
        Assert.Equal([4, 4, 7], labels.Order());
        Assert.Contains(found.Evidence, note => note is BatchSeparated { Size: 3, Separated: 3 });
        Assert.Contains(found.Evidence, note => note is ImagesMatched { Found: 3 });
    }

    /// <summary>The space is the attacker's own: a generator's images have the features as far as it can draw them.</summary>
    [Fact]
    public void A_generator_is_searched_and_its_control_runs()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Smooth(Architectures.Model(Hidden, 1), [1, 2]);
        var attack = By(new Latent(), 5);
        Assert.True(attack.HasTrainedPrior);
        Assert.Equal([3, 1, 8, 8], attack.Imagine(client.Context, 3, new(1))!.shape);
        using var found = attack.Run(client.Context);
        Assert.Equal([2, 1, 8, 8], found.Images.shape);
        Assert.InRange(found.RelativeMisfit, 0, 10);
    }

    [Fact]
    public void What_reads_updates_is_no_method()
    {
        Assert.Contains("name one of these as \"method\"", new FeatureMatching { Method = new Best() }.Fault!, StringComparison.Ordinal);
        var method = new GradientMatching { Priors = [new LastLayerFeatures()] };
        Assert.Contains("leave it out", new FeatureMatching { Method = method }.Fault!, StringComparison.Ordinal);
        Assert.Null(new FeatureMatching { Method = new PosteriorSampling() }.Fault);
    }

    [Fact]
    public void Where_no_layer_separates_the_batch_it_says_so()
    {
        using var scope = NewDisposeScope();
        var network = new Network(new(1, 8, 8), 10, [new Conv2d("a", 1, 4, 3, 1, 1), ReLU, new Flatten(), new Linear("b", 256, 10)]);
        var client = Simulated.Smooth(Architectures.Model(network, 1), [.. Enumerable.Repeat(1, 12)]);
        using var found = new FeatureMatching().Run(client.Context);
        Assert.Equal(OutcomeKind.Refused, found.Outcome.Kind);
        Assert.Contains("b separates up to 9 images", found.Outcome.Advice, StringComparison.Ordinal);
    }
}
