using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

[Trait("Category", "slow")]
public class RectifiedRecursionTests
{
    private static readonly RectifiedRecursion Short = new() { Images = 100, Steps = 12 };

    private static readonly Activation ReLU = new(ActivationKind.ReLU);

    /// <summary>Two poolings: the later one is solved through, the earlier one is not.</summary>
    private static Network Pooled => new(new(1, 12, 12), 10,
    [
        new Conv2d("a", 1, 12, 3, 1, 1), ReLU, new MaxPool2d(2, 2), new Conv2d("b", 12, 24, 3, 1, 1), ReLU, new MaxPool2d(3, 3),
        new Flatten(), new Linear("c", 96, 10),
    ]);

    [Fact]
    public void A_network_without_pooling_is_read_exactly()
    {
        using var scope = NewDisposeScope();
        var network = new Network(new(2, 8, 8), 10, [new Conv2d("a", 2, 24, 3, 1, 1), ReLU, new Conv2d("b", 24, 24, 3, 1, 1), ReLU,
            new Flatten(), new Linear("c", 1536, 10)]);
        var client = Simulated.Smooth(Simulated.Open(network), [7]);
        using var found = Short.Run(client.Context);
        Assert.True(client.Judge(found).Psnr[0] > 80, string.Join("\n", found.Evidence));
        Assert.Equal([7], found.Labels.Classes);
        Assert.Equal(OutcomeKind.Converged, found.Outcome.Kind);
    }

    /// <summary>Hidden linear layers give the features in front of them, and many features give the image.</summary>
    /// <param name="noise">Of which nobody speaks, relative to the numbers of the update.</param>
    [Theory, InlineData(0), InlineData(1e-4), InlineData(1e-2)]
    public void Hidden_linear_layers_are_read_down_to_the_features_and_the_image_follows(double noise)
    {
        using var scope = NewDisposeScope();
        var network = new Network(new(1, 12, 12), 10, [new Conv2d("a", 1, 16, 3, 1, 1), ReLU, new MaxPool2d(2, 2), new Flatten(),
            new Linear("b", 576, 40), ReLU, new Linear("c", 40, 30), ReLU, new Linear("d", 30, 10)]);
        var client = Simulated.Smooth(Simulated.Open(network), [7]);
        using var generator = new RandomSource(5).Generator(CPU);
        var update = client.Context.Observation.Update.Flat;
        update.add_(noise * update.square().mean().sqrt() * randn(update.shape, ScalarType.Float32, CPU, generator: generator));
        using var found = new RectifiedRecursion { Images = 100 }.Run(client.Context);
        Assert.InRange(client.Judge(found).Psnr[0], noise > 1e-3 ? 35 : 45, double.PositiveInfinity);
        Assert.Equal([7], found.Labels.Classes);
    }

    /// <summary>The stem of ImageNet's residual networks: windows overlap, and features are not much more than pixels.</summary>
    [Fact]
    public void Places_of_maxima_are_decided_while_the_image_is_searched_for()
    {
        using var scope = NewDisposeScope();
        var network = new Network(new(3, 16, 16), 10, [new Conv2d("a", 3, 64, 7, 2, 3), ReLU,
            new MaxPool2d(3, 2, 1), new Flatten(), new Linear("b", 1024, 10)]);
        var client = Simulated.Smooth(Simulated.Open(network), [7]);
        using var found = new RectifiedRecursion { Images = 100 }.Run(client.Context);
        Assert.InRange(client.Judge(found).Psnr[0], 60, double.PositiveInfinity);
    }

    /// <summary>Where windows hesitate between two places, what is left of dL/dW tells which of them is right.</summary>
    [Fact]
    public void What_is_left_of_a_weight_gradient_tells_the_places_of_maxima_in_doubt()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Smooth(Simulated.Open(new Network(new(3, 16, 16), 10, [new Conv2d("a", 3, 8, 7, 2, 3), ReLU,
            new MaxPool2d(3, 2, 1), new Flatten(), new Linear("b", 128, 10)])), [3]);
        using var own = client.Context.To(ScalarType.Float64);
        var block = (RectifiedBlock)RectifiedChain.Of(own).Pieces[0];
        var windows = new PoolingWindows(block);
        using var generator = new RandomSource(4).Generator(CPU);
        var x = randn([1, .. block.Input], ScalarType.Float64, generator: generator);
        var strengths = randn([8, 16, 1], ScalarType.Float64, generator: generator);
        var right = where(windows.Inside, windows.Gather(block.Before(x)), double.NegativeInfinity).argmax(2);
        // The place in the middle of every window lies on the map.
        var other = where(right == 4, full_like(right, 5), full_like(right, 4));
        Tensor Only(Tensor places) => nn.functional.one_hot(places, 9).to(ScalarType.Float64);
        Tensor Gradient(Tensor beliefs) => block.Map.WeightGradient(x, windows.Scatter(beliefs * strengths));
        var doubtful = arange(16) % 3 == 0;
        var beliefs = where(doubtful.reshape(1, 16, 1), 0.3 * Only(right) + 0.7 * Only(other), Only(right));
        using var doubt = new MaximaDoubt(block, windows, strengths, 1e-4);
        var votes = doubt.See(x, beliefs, Gradient(Only(right)) - Gradient(beliefs), 0);
        var gain = (votes.gather(2, right.unsqueeze(2)) - votes.gather(2, other.unsqueeze(2))).squeeze(2);
        Assert.True((gain.masked_select(doubtful.unsqueeze(0)) > 10).all().ToBoolean());
        Assert.True((gain.masked_select(~doubtful.unsqueeze(0)) == 0).all().ToBoolean());
    }

    [Fact]
    public void Windows_of_a_pooling_are_gathered_and_scattered_as_libtorch_pools()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Smooth(Simulated.Open(new Network(new(1, 7, 9), 10, [new Conv2d("a", 1, 3, 3, 1, 1), ReLU,
            new MaxPool2d(3, 2, 1), new Flatten(), new Linear("b", 60, 10)])), [3]);
        using var own = client.Context.To(ScalarType.Float64);
        var block = (RectifiedBlock)RectifiedChain.Of(own).Pieces[0];
        var windows = new PoolingWindows(block);
        var u = randn([1, .. block.Output], ScalarType.Float64);
        var seen = where(windows.Inside, windows.Gather(u), double.NegativeInfinity);
        Assert.True(seen.amax([2]).reshape(1, 3, 4, 5).Equals(nn.functional.max_pool2d(u, 3, 2, 1)));
        var other = randn_like(seen);
        Assert.Equal((windows.Gather(u) * other).sum().ToDouble(), (u * windows.Scatter(other)).sum().ToDouble(), 1e-9);
    }

    /// <summary>
    /// Behind the true image the weight gradients of all pieces are the client's, and their products are one another's transposes.
    /// </summary>
    [Fact]
    public void Weight_gradients_below_known_features_are_functions_of_the_image()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Smooth(Simulated.Open(Pooled), [3]);
        using var own = client.Context.To(ScalarType.Float64);
        var chain = RectifiedChain.Of(own);
        var images = client.Images.to(ScalarType.Float64);
        using var trunk = new FeatureMap(chain, chain.Pieces);
        trunk.At(images, 0);
        var gradient = chain.Tail.Read(HeadReading.Of(chain.Tail.Head)[0]).Gradient;
        trunk.Settle(gradient.reshape([1, .. chain.Pieces[^1].Leaving]), 1);
        foreach (var (open, piece) in trunk.Open().Zip(chain.Pieces))
            Assert.InRange((open.norm() / ((RectifiedBlock)piece).WeightGradient.norm()).ToDouble(), 0, 1e-5);

        using var generator = new RandomSource(2).Generator(CPU);
        Tensor Random(Tensor like) => randn(like.shape, ScalarType.Float64, CPU, generator: generator);
        var (move, features) = (Random(images), Random(zeros([1, .. chain.Pieces[^1].Leaving])));
        var gradients = trunk.Open().Select(Random).ToArray();
        var pushed = trunk.Push(move);
        var there = (pushed.Features * features).sum()
            + pushed.Gradients.Zip(gradients, (left, right) => (left * right).sum()).Aggregate((sum, term) => sum + term);
        var back = (move * trunk.Pull(features, gradients)).sum();
        Assert.Equal(there.ToDouble(), back.ToDouble(), 1e-8 * Math.Abs(back.ToDouble()) + 1e-10);
    }

    /// <summary>Two strides of two leave a late convolution's input open; the search from its output uses all gradients instead.</summary>
    [Fact]
    public void A_layer_that_leaves_places_open_ends_the_chain_and_its_equations_join_the_search()
    {
        using var scope = NewDisposeScope();
        var network = new Network(new(1, 12, 12), 10, [new Conv2d("a", 1, 8, 3, 1, 1), ReLU, new Conv2d("b", 8, 12, 3, 2, 1), ReLU,
            new Conv2d("c", 12, 12, 3, 2, 1), ReLU, new Flatten(), new Linear("d", 108, 10)]);
        var client = Simulated.Smooth(Simulated.Open(network), [7]);
        using var found = new RectifiedRecursion { Images = 100, Steps = 60 }.Run(client.Context);
        Assert.Contains(found.Evidence, note => note is LayerOpen { Layer: "c" });
        Assert.InRange(client.Judge(found).Psnr[0], 25, double.PositiveInfinity);
    }

    /// <summary>VGG and AlexNet pool small maps to larger ones, which keeps all of them.</summary>
    [Fact]
    public void An_adaptive_pooling_to_larger_maps_is_undone()
    {
        using var scope = NewDisposeScope();
        var network = new Network(new(2, 8, 8), 10, [new Conv2d("a", 2, 24, 3, 1, 1), ReLU, new AdaptiveAvgPool2d(11, 11), new Flatten(),
            new Linear("b", 24 * 121, 10)]);
        var client = Simulated.Smooth(Simulated.Open(network), [7]);
        using var found = Short.Run(client.Context);
        Assert.InRange(client.Judge(found).Psnr[0], 80, double.PositiveInfinity);
    }

    /// <summary>The input and the places of the maxima are found from the output and its derivative alone.</summary>
    [Theory, InlineData(1), InlineData(2), InlineData(3)]
    public void A_max_pooling_is_solved_through_blindly(ulong seed)
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Smooth(Simulated.Open(Pooled, seed), [3], seed);
        using var own = client.Context.To(ScalarType.Float64);
        var chain = RectifiedChain.Of(own);
        var inner = ((RectifiedBlock)chain.Pieces[0]).Forward(chain.Model.Normalize(client.Images.to(ScalarType.Float64)));
        var features = ((RectifiedBlock)chain.Pieces[1]).Forward(inner);
        var error = (features.flatten(1).matmul(chain.Tail.Head.Weight!.t()) + chain.Tail.Head.Bias!).softmax(1);
        error[0, 3] -= 1;
        var featureGradient = error.matmul(chain.Tail.Head.Weight!).reshape(features.shape);
        var (mean, variance) = (full_like(inner, inner.mean().ToDouble()), full_like(inner, inner.var().ToDouble()));

        var found = new PooledLayer((RectifiedBlock)chain.Pieces[1], features, featureGradient).Solve([(mean, variance)]);
        Assert.InRange(found.Residual, 0, 1e-5);
        Assert.InRange(((found.Input - inner).norm() / inner.norm()).ToDouble(), 0, 1e-4);
        var u = ((RectifiedBlock)chain.Pieces[1]).Before(inner);
        var (_, places) = nn.functional.max_pool2d_with_indices(u, [3, 3], [3, 3]);
        var expected = zeros(1, 24, 36, ScalarType.Float64).scatter_(2, places.flatten(2), (featureGradient * (features > 0)).flatten(2));
        Assert.InRange((found.PreActivationGradient.flatten(2) - expected).abs().max().ToDouble(), 0, 1e-12);
    }

    [Fact]
    public void The_image_follows_from_features_behind_the_first_pooling()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Smooth(Simulated.Open(Pooled), [3]);
        var seen = new List<double>();
        using var found = Short.Run(client.Context, iterate => seen.Add(iterate.Objective));
        Assert.Contains(found.Evidence, note => note is LayerSolved { Layer: "b", Unknowns: 432, Where: "behind a pooling" });
        Assert.Contains(found.Evidence, note => note is LayerOpen { Layer: "a" });
        Assert.InRange(client.Judge(found).Psnr[0], 20, double.PositiveInfinity);
        Assert.True(seen[^1] < 0.5 * seen[0]);
    }

    /// <summary>In train mode the gradient also passes through the statistics of the batch, which the server knows.</summary>
    [Theory, InlineData(ModelMode.Eval), InlineData(ModelMode.Train)]
    public void BatchNorm_is_read_in_both_modes(ModelMode mode)
    {
        using var scope = NewDisposeScope();
        var client = Normalized(mode, revealed: true);
        using var found = (Short with { Steps = 0 }).Run(client.Context);
        foreach (var layer in (string[])["model.conv7", "model.conv6"])
            Assert.InRange(found.Evidence.OfType<LayerSolved>().Single(note => note.Layer == layer).Residual, 0, 1e-4);
    }

    [Fact]
    public void What_it_cannot_read_is_refused_with_advice()
    {
        using var scope = NewDisposeScope();
        Refuses(Simulated.Smooth(Simulated.Open(Pooled), [3, 4]), "one image, but the batch has 2");
        var average = Simulated.Open(
            new(new(1, 8, 8), 10, [new Conv2d("a", 1, 4, 3), ReLU, new AvgPool2d(2, 2), new Flatten(), new Linear("b", 36, 10)]));
        Refuses(Simulated.Smooth(average, [3]), "none is foreseen");
        Refuses(Simulated.Batch(new LeNet(), new(3, 32, 32), [1]), "needs a ReLU");
        Refuses(Normalized(ModelMode.Train, revealed: false), "reveal them");
        Assert.Throws<AfterimageException>(() => (Short with { Products = 0 }).Run(Simulated.Smooth(Simulated.Open(Pooled), [3]).Context));
    }

    private static void Refuses(Simulated client, string reason)
    {
        using var found = Short.Run(client.Context);
        Assert.Equal(OutcomeKind.Refused, found.Outcome.Kind);
        Assert.Contains(reason, found.Outcome.Advice, StringComparison.Ordinal);
    }

    private static Simulated Normalized(ModelMode mode, bool revealed)
    {
        var client = Simulated.Batch(new ConvNet { Width = 8 }, new(3, 24, 24), [2], new FedSgd { Mode = mode });
        return revealed && mode == ModelMode.Train ? client.Revealing() : client;
    }
}
