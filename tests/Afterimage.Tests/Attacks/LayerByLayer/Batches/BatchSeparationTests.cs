using Afterimage.Attacks;
using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks.LayerByLayer;

public class BatchSeparationTests
{
    private static readonly BatchSeparation Short = new() { Images = 50 };

    private static readonly Activation ReLU = new(ActivationKind.ReLU);

    /// <summary>Twelve features for every pixel, as in the MNIST example.</summary>
    private static Network Wide => new(new(1, 8, 8), 10, [new Conv2d("a", 1, 48, 3, 1, 1), ReLU, new MaxPool2d(2, 2), new Flatten(),
        new Linear("b", 768, 40), ReLU, new Linear("c", 40, 10)]);

    private static Network Perceptron(int width) => new(new(1, 6, 6), 10,
        [new Flatten(), new Linear("a", 36, width), ReLU, new Linear("b", width, width), ReLU, new Linear("c", width, 10)]);

    [Theory]
    [InlineData(1, 7, 3), InlineData(4, 4, 4)]
    public void Every_image_of_a_batch_is_read_whatever_its_labels(int first, int second, int third)
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Smooth(Simulated.Open(Wide), [first, second, third]);
        using var found = Short.Run(client.Context);
        var (psnr, labels) = client.Judge(found);
        Assert.All(psnr, value => Assert.InRange(value, 50, double.PositiveInfinity));
        Assert.Equal(client.Labels, labels);
        Assert.Equal(OutcomeKind.Converged, found.Outcome.Kind);
        Assert.Contains(found.Evidence, note => note is BatchSeparated { Layer: "b", Size: 3, Separated: 3 });
    }

    /// <summary>A separated layer tells dL/dz of the one in front of it, whose input is the image itself.</summary>
    [Fact]
    public void Hidden_layers_lead_down_to_images_that_enter_a_linear_layer()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Smooth(Simulated.Open(Perceptron(160)), [2, 2, 5, 9]);
        using var found = Short.Run(client.Context);
        var (psnr, labels) = client.Judge(found);
        Assert.True(psnr.Min() > 60, $"{found.Outcome.Advice} {string.Join("\n", found.Evidence.Select(note => note.Sentence))}");
        Assert.Equal(client.Labels, labels);
    }

    [Fact]
    public void An_image_that_occurs_twice_is_named_and_returned_twice()
    {
        using var scope = NewDisposeScope();
        var model = Simulated.Open(Perceptron(60));
        var images = Simulated.Smooth(model, [2, 5, 9]).Images.index_select(0, tensor(new long[] { 0, 1, 2, 2 }));
        var client = Simulated.Of(model, images, [2, 5, 9, 9], new FedSgd(), new(5));
        using var found = Short.Run(client.Context);
        Assert.All(client.Judge(found).Psnr, value => Assert.InRange(value, 60, double.PositiveInfinity));
        Assert.Equal([2, 5, 9, 9], found.Labels.Classes.Order());
        Assert.Contains(found.Evidence, note => note.Sentence.Contains("occurs 2 times", StringComparison.Ordinal));
    }

    /// <summary>Clients of the quickstart kind: one epoch of one batch.</summary>
    [Fact]
    public void One_local_step_is_a_gradient()
    {
        using var scope = NewDisposeScope();
        var model = Simulated.Open(Perceptron(160), type: ScalarType.Float64);
        var images = Simulated.Smooth(Simulated.Open(Perceptron(160)), [2, 5, 9]).Images.to(ScalarType.Float64);
        var client = Simulated.Of(model, images, [2, 5, 9], new FedAvg { Epochs = 1, BatchSize = 3, LearningRate = 1 }, new(5));
        using var found = Short.Run(client.Context);
        Assert.True(client.Judge(found).Psnr.Min() > 30,
            $"{found.Outcome.Advice} {string.Join("\n", found.Evidence.Select(note => note.Sentence))}");
        Assert.Equal([2, 5, 9], found.Labels.Classes.Order());
    }

    [Fact]
    public void A_batch_that_no_layer_separates_is_refused_with_the_count()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Smooth(Simulated.Open(Perceptron(12)), [.. Enumerable.Range(0, 14).Select(i => i % 10)]);
        var refusal = Short.Refusal(client.Context);
        Assert.Contains("b separates up to 10 images, the most of all layers, and the batch has 14", refusal, StringComparison.Ordinal);
        using var found = Short.Run(client.Context);
        Assert.Equal(OutcomeKind.Refused, found.Outcome.Kind);
    }

    [Fact]
    public void One_image_and_several_steps_are_refused()
    {
        using var scope = NewDisposeScope();
        var model = Simulated.Open(Perceptron(60));
        var one = Simulated.Smooth(model, [2]);
        Assert.Contains("rectified-recursion", Short.Refusal(one.Context), StringComparison.Ordinal);
        var training = new FedAvg { Epochs = 2, BatchSize = 2, LearningRate = 0.1 };
        var steps = Simulated.Of(model, Simulated.Smooth(model, [2, 5]).Images, [2, 5], training,
            new(5));
        Assert.Contains("several steps", Short.Refusal(steps.Context), StringComparison.Ordinal);
    }

    [Fact]
    public void The_policy_takes_it_for_a_batch_that_a_layer_separates()
    {
        using var scope = NewDisposeScope();
        var client = Simulated.Smooth(Simulated.Open(Wide), [4, 4, 1]);
        using var found = new Best().Run(client.Context);
        Assert.Contains(found.Evidence, note => note is MethodTried { Method: "Separation of the batch", Chosen: true });
        Assert.All(client.Judge(found).Psnr, value => Assert.InRange(value, 50, double.PositiveInfinity));
    }

    /// <summary>A linear layer with many outputs, as VGG has, is taken apart by few mixtures of its rows.</summary>
    [Fact]
    public void Mixtures_of_rows_are_as_good_as_all_rows()
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(3).Generator(CPU);
        Tensor Draw(params long[] shape) => randn(shape, ScalarType.Float64, CPU, generator: generator);
        var (inputs, gradients) = (Draw(4, 100).relu(), Draw(4, 300));
        var mixture = RowMixture.Of(new("a", 100, 300), gradients.t().matmul(inputs), gradients.sum([0]), 4, new(1));
        var found = BlindBatch.Of(mixture.Layer, 4, new(2), TestContext.Current.CancellationToken)!;
        Assert.Equal((24, 4), (mixture.Layer.Conv.Output, found.Evidence.Separated));
        var distances = (found.Inputs.Rows.unsqueeze(1) - inputs.unsqueeze(0)).norm(2).min(1);
        Assert.InRange((distances.values.max() / inputs.norm()).ToDouble(), 0, 1e-6);
        var whole = mixture.Whole(found.Gradients!.squeeze(2).t());
        Assert.InRange(((whole - gradients.index_select(0, distances.indexes)).norm() / gradients.norm()).ToDouble(), 0, 1e-6);
    }

    /// <summary>Images whose own zeros are too few to tell them apart follow from where those that were found switch outputs off.</summary>
    [Fact]
    public void Gates_of_the_images_found_lead_to_the_others()
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(3).Generator(CPU);
        Tensor Draw(params long[] shape) => randn(shape, ScalarType.Float64, CPU, generator: generator);
        var inputs = Draw(6, 60).relu();
        // Four images without a single zero.
        inputs.narrow(0, 2, 4).add_(0.1);
        var (weight, bias) = (Draw(80, 60) / 8, Draw(80) / 8);
        var gradients = Draw(6, 80) * (inputs.matmul(weight.t()) + bias > 0);
        var layer = BatchLayer.Of(new("a", 60, 80), gradients.t().matmul(inputs), gradients.sum([0]));
        Assert.Equal(2, BlindBatch.Of(layer, 6, new(2), TestContext.Current.CancellationToken)!.Evidence.Separated);
        var found = BlindBatch.Of(layer with { Gates = new(weight, bias, null) }, 6, new(2), TestContext.Current.CancellationToken)!;
        Assert.InRange(found.Evidence.Separated, 3, 6);
        var distances = (found.Inputs.Rows.unsqueeze(1) - inputs.unsqueeze(0)).norm(2).min(1);
        Assert.InRange((distances.values.max() / inputs.norm()).ToDouble(), 0, 1e-6);
        Assert.InRange(((found.Gradients!.squeeze(2).t() - gradients.index_select(0, distances.indexes)).norm() / gradients.norm())
            .ToDouble(), 0, 1e-5);
    }
}
