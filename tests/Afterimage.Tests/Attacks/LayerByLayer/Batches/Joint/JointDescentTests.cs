using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

public class JointDescentTests
{
    private const ScalarType Double = ScalarType.Float64;
    private static readonly Activation Relu = new(ActivationKind.ReLU);

    [Theory]
    [InlineData(10), InlineData(1)]
    public void What_enters_every_unit_is_found_for_the_whole_batch(int classes)
    {
        using var scope = NewDisposeScope();
        IsReadDown(Client(4, classes), joint: false);
    }

    /// <summary>A stride hides a constant of some places, besides.</summary>
    [Theory]
    [InlineData(10, 1), InlineData(1, 1), InlineData(10, 2)]
    public void In_train_mode_statistics_follow_from_the_inputs_that_they_tell(int classes, int stride)
    {
        using var scope = NewDisposeScope();
        IsReadDown(Client(4, classes, ModelMode.Train, stride), joint: true);
    }

    /// <summary>
    /// Their last unit is entered at its 3 x 3 convolution, and dL/dz of the last one tells ReLUs and labels; a convolution on single
    /// places hides a constant of all of them.
    /// </summary>
    [Theory, InlineData(10), InlineData(1)]
    public void Bottlenecks_in_train_mode_are_read_from_the_inside_of_the_last(int classes)
    {
        using var scope = NewDisposeScope();
        var client = Of(Bottlenecks(), 4, classes, ModelMode.Train);
        Assert.True(ResidualBatch.Reads(client.Context));
        IsReadDown(client, joint: true);
    }

    [Fact]
    public void Bottlenecks_in_eval_mode_are_not_read()
    {
        using var scope = NewDisposeScope();
        Assert.False(ResidualBatch.Reads(Of(Bottlenecks(), 4, 10, ModelMode.Eval).Context));
    }

    [Fact]
    public void Every_image_gets_its_share_of_the_time()
    {
        using var scope = NewDisposeScope();
        using var own = Client(3, 10).Context.To(Double);
        var chain = RectifiedChain.Of(own);
        var layers = new JointDescent(own, chain, _ => { }, TestContext.Current.CancellationToken);
        layers.Run();
        var images = new JointImages(own, chain, layers, TestContext.Current.CancellationToken) { SecondsLeft = () => 0 };
        var found = images.Search().ToList();
        Assert.Equal(3, found.Count);
        Assert.All(found, image => Assert.True(image.Evaluations > 0 && image.Residual < 1, $"{image.Residual}"));
    }

    /// <summary>Gradient matching would lower the misfit, and its images would be worse.</summary>
    [Fact]
    public void Images_that_time_left_rough_are_kept_where_no_other_method_sees_more()
    {
        var rough = new ImagesMatched(4, 4, 0.4, 0.7);
        Assert.False(rough.IsWellSeen);
        Assert.True((rough with { Enough = 1 }).IsWellSeen);
        Assert.False((rough with { Enough = 1, Found = 3 }).IsWellSeen);
    }

    private static void IsReadDown(Simulated client, bool joint)
    {
        using var own = client.Context.To(Double);
        var chain = RectifiedChain.Of(own, joint);
        var notes = new List<Evidence>();
        var layers = new JointDescent(own, chain, notes.Add, TestContext.Current.CancellationToken);
        layers.Run();
        var told = string.Join("\n", notes);
        Assert.True(layers.Depth == 1, told);
        Assert.All(notes.OfType<LayerSolved>(), note => Assert.InRange(note.Residual, 0, 3e-6));
        var truth = chain.Pieces[0].Forward(chain.Model.Normalize(client.Images.to(Double))).flatten(1);
        var (errors, nearest) = ((layers.Features!.flatten(1).unsqueeze(1) - truth.unsqueeze(0)).norm(2) / truth.norm(1)).min(1);
        Assert.All(errors.data<double>().ToArray(), error => Assert.InRange(error, 0, 1e-4));
        var order = nearest.data<long>().ToArray();
        Assert.Equal(4, order.Distinct().Count());
        Assert.Equal(order.Select(n => client.Labels[n]), layers.Labels);
    }

    [Theory, Trait("Category", "slow")]
    [InlineData(false), InlineData(true)]
    public void Images_in_train_mode_follow_with_and_without_statistics_sent(bool sent)
    {
        using var scope = NewDisposeScope();
        var client = Client(3, 10, ModelMode.Train, 2);
        client = sent ? client.Revealing() : client;
        using var found = new BatchSeparation().Run(client.Context);
        var (psnr, labels) = client.Judge(found);
        Assert.All(psnr, value => Assert.True(value > 45, $"{string.Join(" ", psnr)}\n{string.Join("\n", found.Evidence)}"));
        Assert.Equal(client.Labels, labels);
        Assert.Contains(found.Evidence, note => note is BatchSeparated { Separated: 3 });
        Assert.Equal(!sent, found.Evidence.Any(note => note.Sentence.Contains("BatchNorm hides the contrast", StringComparison.Ordinal)));
    }

    [Fact, Trait("Category", "slow")]
    public void Each_image_follows_from_its_features()
    {
        using var scope = NewDisposeScope();
        var client = Client(3, 10);
        using var own = client.Context.To(Double);
        var chain = RectifiedChain.Of(own);
        var layers = new JointDescent(own, chain, _ => { }, TestContext.Current.CancellationToken);
        layers.Run();
        var images = new JointImages(own, chain, layers, TestContext.Current.CancellationToken).Search().ToList();
        Assert.Equal(3, images.Count);
        foreach (var (image, _, _) in images)
            Assert.InRange((image - client.Images).square().mean([1, 2, 3]).min().ToDouble(), 0, 1e-8);
    }

    [Fact, Trait("Category", "slow")]
    public void The_attack_goes_that_way_by_itself()
    {
        using var scope = NewDisposeScope();
        var client = Client(3, 10);
        using var found = new BatchSeparation().Run(client.Context);
        var (psnr, labels) = client.Judge(found);
        Assert.All(psnr, value => Assert.True(value > 80, string.Join("\n", found.Evidence)));
        Assert.Equal(client.Labels, labels);
        Assert.Contains(found.Evidence, note => note is ImagesMatched { IsWellSeen: true });
    }

    [Fact]
    public void A_batch_that_no_layer_takes_apart_leaves_everything_open()
    {
        using var scope = NewDisposeScope();
        using var own = Client(30, 10).Context.To(Double);
        var layers = new JointDescent(own, RectifiedChain.Of(own), _ => { }, TestContext.Current.CancellationToken);
        layers.Run();
        Assert.Null(layers.Features);
        Assert.Empty(layers.Labels);
    }

    /// <summary>A stem that keeps enough of 8 x 8 pixels, a unit with a projection, and one without.</summary>
    private static Simulated Client(int batch, int classes, ModelMode mode = ModelMode.Eval, int stride = 1)
    {
        Residual Unit(string name, int from, int to, int stride) => new(
            [.. Convolution(name + "a", from, to, 3, stride), Relu, .. Convolution(name + "b", to, to, 3, 1)],
            from == to ? [] : [.. Convolution(name + "c", from, to, 1, stride)]);
        return Of(new(new(3, 8, 8), 10,
        [
            .. Convolution("stem", 3, 48, 3, 2 / stride), Relu, Unit("u", 48, 96, stride), Relu, Unit("v", 96, 96, 1), Relu,
            new GlobalAvgPool2d(), new Flatten(), new Linear("head", 96, 10),
        ]), batch, classes, mode);
    }

    /// <summary>Two of them behind a stem, the first with a stride.</summary>
    private static Network Bottlenecks()
    {
        Residual Unit(string name, int from, int to, int stride) => new(
            [.. Convolution(name + "a", from, 96, 1, 1), Relu, .. Convolution(name + "b", 96, 96, 3, stride), Relu,
                .. Convolution(name + "c", 96, to, 1, 1)],
            from == to ? [] : [.. Convolution(name + "d", from, to, 1, stride)]);
        return new(new(3, 8, 8), 10,
        [
            .. Convolution("stem", 3, 64, 3, 2), Relu, Unit("u", 64, 128, 2), Relu, Unit("v", 128, 128, 1), Relu,
            new GlobalAvgPool2d(), new Flatten(), new Linear("head", 128, 10),
        ]);
    }

    private static Layer[] Convolution(string name, int from, int to, int kernel, int stride) =>
        [new Conv2d(name, from, to, kernel, stride, kernel / 2, Bias: false), new BatchNorm2d(name + "n", to)];

    private static Simulated Of(Network network, int batch, int classes, ModelMode mode)
    {
        var random = new RandomSource(2);
        using var generator = random.Derive("all").Generator(CPU);
        var parameters = network.Parameters.Select(spec => Initializer.KaimingFanIn(spec, generator)).ToArray();
        var buffers = network.Buffers.ToDictionary(spec => spec.Name, spec => Initializer.Default(spec, generator));
        var model = new NetworkModel(network, Normalization.None(3), parameters, buffers);
        var coarse = rand([batch, 3, 2, 2], generator: generator);
        var images = 0.6 * nn.functional.interpolate(coarse, [8, 8]) + 0.4 * rand([batch, 3, 8, 8], generator: generator);
        images = mode == ModelMode.Train ? (images * 255).round() / 255 : images;
        var labels = Enumerable.Range(0, batch).Select(n => n % classes).ToArray();
        return Simulated.Of(model, images, labels, new FedSgd { Mode = mode }, random);
    }
}
