using Afterimage.Attacks;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

public class BlindBatchTests
{
    private static readonly ImageShape Image = new(3, 8, 8);

    [Theory]
    [InlineData(2, false, ScalarType.Float64, 1e-9), InlineData(4, false, ScalarType.Float32, 3e-5)]
    [InlineData(8, false, ScalarType.Float32, 3e-4), InlineData(4, true, ScalarType.Float64, 1e-9)]
    [InlineData(8, true, ScalarType.Float32, 3e-5)]
    public void A_batch_is_taken_apart_by_one_weight_gradient(int batch, bool train, ScalarType type, double error)
    {
        using var scope = NewDisposeScope();
        var client = SmallClient.Of(batch, train, SmallClient.Net(48, 192), Image, type: type);
        var found = client.Separated()!;
        var (errors, nearest) = client.Judge(found);
        Assert.Equal((batch, batch), (found.Evidence.Size, found.Evidence.Separated));
        Assert.Equal(batch, nearest.Distinct().Count());
        Assert.All(errors, value => Assert.InRange(value, 0, error));
        Assert.True(found.Evidence.Gap > 1e3, found.Evidence.Sentence);
        Assert.InRange(found.Evidence.Residual, 0, 1e-5);
        Assert.Equal([192, batch, 16], found.Gradients!.shape);
    }

    /// <summary>96 patches, far more than there are channels; three times as many columns of them are not.</summary>
    [Theory]
    [InlineData(false, ScalarType.Float64, 1e-8), InlineData(true, ScalarType.Float64, 1e-8)]
    [InlineData(false, ScalarType.Float32, 1e-3), InlineData(true, ScalarType.Float32, 1e-3)]
    public void Columns_and_rows_of_windows_take_apart_more_images_than_whole_windows(bool train, ScalarType type, double error)
    {
        using var scope = NewDisposeScope();
        var client = SmallClient.Of(6, train, SmallClient.Net(64, 64), Image, type: type);
        Assert.True(SeparableBatch.ByWindows(client.Layer.Conv, client.Layer.Input, train) < 6);
        var found = client.Separated()!;
        var (errors, nearest) = client.Judge(found);
        Assert.Equal((6, 6), (found.Evidence.Size, nearest.Distinct().Count()));
        Assert.All(errors, value => Assert.InRange(value, 0, error));
        if (train)
        {
            var sizes = client.Sizes(found);
            Assert.All(sizes, size => Assert.InRange(size / sizes[0], 0.99, 1.01));
        }
    }

    [Theory]
    [InlineData(false), InlineData(true)]
    public void A_batch_of_one_class_is_no_harder(bool train)
    {
        using var scope = NewDisposeScope();
        var client = SmallClient.Of(6, train, SmallClient.Net(48, 192), Image, classes: 1);
        Assert.Equal(6, client.Separated()!.Evidence.Separated);
    }

    [Fact]
    public void A_bias_tells_how_large_every_input_is()
    {
        using var scope = NewDisposeScope();
        var client = SmallClient.Of(4, false, SmallClient.Net(48, 192, bias: true), Image);
        Assert.All(client.Sizes(client.Separated()!), size => Assert.InRange(size, 0.999, 1.001));
    }

    [Fact]
    public void Train_mode_tells_how_large_inputs_are_next_to_one_another()
    {
        using var scope = NewDisposeScope();
        var client = SmallClient.Of(6, true, SmallClient.Net(48, 192), Image);
        var sizes = client.Sizes(client.Separated()!);
        Assert.All(sizes, size => Assert.InRange(size / sizes[0], 0.999, 1.001));
    }

    [Theory]
    [InlineData(false, 1e-6), InlineData(true, 1e-6), InlineData(true, 1e-5), InlineData(true, 1e-4), InlineData(true, 1e-3)]
    public void Noise_costs_accuracy_and_never_gives_a_wrong_image(bool train, double noise)
    {
        using var scope = NewDisposeScope();
        var client = SmallClient.Of(4, train, SmallClient.Net(48, 192), Image, noise: noise);
        var found = client.Separated()!;
        var (errors, nearest) = client.Judge(found);
        Assert.Equal(4, found.Evidence.Size);
        Assert.Equal(errors.Length, nearest.Distinct().Count());
        Assert.All(errors, value => Assert.InRange(value, 0, 300 * noise));
        Assert.InRange(found.Evidence.Residual, 0, 3 * noise);
        if (train)
            Assert.Equal(4, errors.Length);
    }

    [Theory]
    [InlineData(false, 0.01), InlineData(false, 0.1), InlineData(true, 0.1), InlineData(true, 1)]
    public void Noise_that_hides_the_space_gives_no_image_rather_than_a_wrong_one(bool train, double noise)
    {
        using var scope = NewDisposeScope();
        var client = SmallClient.Of(6, train, SmallClient.Net(48, 192), Image, noise: noise);
        var found = (client with { Layer = client.Layer with { Noise = BatchLayer.Rounding } }).Separated();
        Assert.All(found is null ? [] : client.Judge(found).Errors, error => Assert.InRange(error, 0, 0.2));
    }

    [Fact]
    public void Noise_that_was_not_declared_is_seen()
    {
        using var scope = NewDisposeScope();
        var client = SmallClient.Of(4, true, SmallClient.Net(48, 192), Image, noise: 1e-4);
        var found = (client with { Layer = client.Layer with { Noise = BatchLayer.Rounding } }).Separated()!;
        Assert.Equal((4, 4), (found.Evidence.Size, found.Evidence.Separated));
    }

    /// <summary>A trained network has units that no image switches on; a weight difference has noise in all others.</summary>
    [Theory]
    [InlineData(0), InlineData(1e-12)]
    public void Units_that_are_off_do_not_hide_how_many_images_there_are(double off)
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(7).Generator(CPU);
        Tensor Draw(params long[] shape) => randn(shape, ScalarType.Float64, CPU, generator: generator);
        var inputs = Draw(12, 200).clamp_min(0);
        var rows = Draw(60, 12).matmul(inputs);
        rows = rows + Draw(60, 200) * 1e-5;
        rows.narrow(0, 50, 10).mul_(off * 1e-12);
        var layer = BatchLayer.Of(new Linear("fc", 200, 60), rows, null);
        Assert.Equal(12, RowSpace.Of(layer.Rows * layer.RowWeights(), layer, 0).Rank);
        Assert.Equal(12, BlindBatch.Of(layer, 12, new RandomSource(1), default)!.Evidence.Size);
    }

    [Fact]
    public void The_layer_counts_the_batch_whatever_the_client_says()
    {
        using var scope = NewDisposeScope();
        var client = SmallClient.Of(6, true, SmallClient.Net(48, 192), Image);
        var found = client.Separated(batch: 3)!;
        Assert.Equal((3, 6, 6), (found.Evidence.Batch, found.Evidence.Size, found.Evidence.Separated));
    }

    [Fact]
    public void The_same_seed_gives_the_same_numbers()
    {
        using var scope = NewDisposeScope();
        var client = SmallClient.Of(4, false, SmallClient.Net(48, 128), Image);
        Assert.True(client.Separated()!.Inputs.Maps.equal(client.Separated()!.Inputs.Maps).all().ToBoolean());
    }

    [Theory]
    [InlineData(5), InlineData(16)]
    public void A_hidden_linear_layer_gives_every_input_as_it_is(int batch)
    {
        using var scope = NewDisposeScope();
        var client = SmallClient.Of(batch, false,
            ([new Conv2d("conv1", 3, 32, 3, 1, 1), new Activation(ActivationKind.ReLU), new MaxPool2d(2, 2), new Flatten()],
            new Linear("fc1", 512, 96), [new Activation(ActivationKind.ReLU), new Linear("fc2", 96, 10)]), Image);
        var found = client.Separated()!;
        Assert.Equal((batch, batch), (found.Evidence.Size, found.Evidence.Separated));
        Assert.All(client.Judge(found).Errors, value => Assert.InRange(value, 0, 1e-4));
        Assert.All(client.Sizes(found), size => Assert.InRange(size, 0.999, 1.001));
    }

    [Fact]
    public void Images_that_occur_twice_count_once()
    {
        using var scope = NewDisposeScope();
        var client = SmallClient.Of(4, false, SmallClient.Net(48, 192), Image);
        var fit = new BilinearFit(client.Layer);
        var twice = client.Truth.index_select(0, tensor(new long[] { 0, 1, 2, 2 }));
        var gradient = client.Layer.Map.WeightGradient(twice, fit.Gradients(new(client.Truth, null)).permute(1, 0, 2));
        var found = (client with { Layer = client.Layer with { WeightGradient = gradient } }).Separated()!;
        Assert.Equal((3, 3), (found.Evidence.Size, found.Evidence.Separated));
        Assert.Contains("holds 3 images for a batch of 4", found.Evidence.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Inputs_that_are_no_ReLUs_are_not_taken_apart()
    {
        using var scope = NewDisposeScope();
        var (front, own, behind) = SmallClient.Net(48, 192);
        var client = SmallClient.Of(4, false, ([.. front[..2], new Activation(ActivationKind.Tanh)], own, behind), Image);
        var found = client.Separated()!;
        Assert.Equal((4, 0), (found.Evidence.Size, found.Evidence.Separated));
        Assert.Null(found.Gradients);
    }

    [Fact]
    public void It_stops_within_a_second()
    {
        using var scope = NewDisposeScope();
        var (front, own, behind) = SmallClient.Net(48, 192);
        var client = SmallClient.Of(8, false, ([.. front[..2], new Activation(ActivationKind.Tanh)], own, behind), Image);
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        var watch = System.Diagnostics.Stopwatch.StartNew();
        try
        {
            BlindBatch.Of(client.Layer, 8, new RandomSource(3), stop.Token);
        }
        catch (OperationCanceledException)
        {
        }
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 1.3);
    }
}
