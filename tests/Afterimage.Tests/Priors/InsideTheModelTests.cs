using Afterimage.Federation;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Priors;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Priors;

/// <summary>Priors on what the layers of the model see.</summary>
public class InsideTheModelTests
{
    private static readonly BatchNormStatistics Inferred = new() { Source = StatisticsSource.Inferred };

    private static readonly Normalization Colors = new([0.4, 0.5, 0.6], [0.2, 0.3, 0.25]);

    private static Scene Normed(ModelMode mode, int batch = 2) =>
        new(new ConvNet { Width = 2, Normalization = Colors }, new FedSgd { Mode = mode }, batch, shape: new(3, 12, 12));

    private static AttackContext Knowing(Scene scene, LayerStatistics? batch = null, LayerStatistics? running = null) => new()
    {
        Model = scene.Model,
        Random = scene.Context.Random,
        Observation = new()
        {
            Update = scene.Context.Observation.Update, Training = scene.Training, BatchSize = scene.Context.Observation.BatchSize,
            BatchStatistics = batch, RunningStatistics = running,
        },
    };

    [Fact]
    public void A_trace_holds_what_batch_norm_and_the_head_see()
    {
        using var scope = NewDisposeScope();
        using var scene = Normed(ModelMode.Eval);
        var trace = new Trace();
        var logits = scene.Model.Logits(scene.Images, trace: trace);
        Assert.Equal(Enumerable.Range(0, 8).Select(i => $"model.bn{i}"), trace.Normalized.Select(seen => seen.Layer.Name));
        var seen = (scene.Images - tensor(Colors.Mean.ToArray()).view(1, 3, 1, 1)) / tensor(Colors.Std.ToArray()).view(1, 3, 1, 1);
        var first = nn.functional.conv2d(seen, scene.Model.Parameters[0], scene.Model.Parameters[1], padding: [1L, 1]);
        Assert.True((first - trace.Normalized[0].Input).abs().max().ToDouble() < 1e-12);
        var (weight, bias) = (scene.Model.Parameters[^2], scene.Model.Parameters[^1]);
        Assert.True((trace.Features!.matmul(weight.t()) + bias - logits).abs().max().ToDouble() < 1e-12);
        Assert.True(logits.equal(scene.Model.Logits(scene.Images)).all().ToBoolean());
    }

    [Fact]
    public void A_residual_shows_its_inside_too()
    {
        using var scope = NewDisposeScope();
        using var scene = new Scene(new ResNet { Depth = 20 }, shape: new(3, 8, 8));
        var trace = new Trace();
        scene.Model.Logits(scene.Images, trace: trace);
        Assert.Equal(19, trace.Normalized.Count);
        Assert.Equal("layer3.2.bn2", trace.Normalized[^1].Layer.Name);
        Assert.Equal([2, 64], trace.Features!.shape);
    }

    [Theory]
    [InlineData(ModelMode.Eval)]
    [InlineData(ModelMode.Train)]
    public void Batch_norm_statistics_are_compared_layer_by_layer(ModelMode mode)
    {
        using var scope = NewDisposeScope();
        using var scene = Normed(mode);
        var trace = new Trace();
        scene.Model.Logits(scene.Images, mode, trace: trace);
        var expected = 0.0;
        for (var layer = 0; layer < 8; layer++)
        {
            var input = trace.Normalized[layer].Input;
            var (means, variances) = (0.0, 0.0);
            for (var c = 0L; c < input.shape[1]; c++)
            {
                var values = input.narrow(1, c, 1).reshape(-1).data<double>().ToArray();
                var mean = values.Average();
                means += mean * mean;
                variances += Math.Pow(values.Average(value => (value - mean) * (value - mean)) - 1, 2);
            }
            expected += (layer == 0 ? 10 : 1) * (Math.Sqrt(means) + Math.Sqrt(variances));
        }
        // Running statistics of a new model are 0 and 1.
        Assert.Equal(expected, new BatchNormStatistics().Bind(scene.Context)(scene.Trial(scene.Images)).ToDouble(), 1e-9 * expected);
    }

    [Fact]
    public void Revealed_statistics_are_met_by_the_truth_alone()
    {
        using var scope = NewDisposeScope();
        using var scene = Normed(ModelMode.Train);
        using var context = Knowing(scene, LayerStatistics.Of(scene.Trial(scene.Images).Trace));
        foreach (var source in (StatisticsSource[])[StatisticsSource.Best, StatisticsSource.Revealed])
        {
            var penalty = new BatchNormStatistics { Source = source }.Bind(context);
            Assert.Equal(0, penalty(scene.Trial(scene.Images)).ToDouble(), 1e-9);
            Assert.True(penalty(scene.Trial(scene.Images.flip(0) * 0.9)).ToDouble() > 0.01);
        }
        Refusal.Says("reveals none", () => new BatchNormStatistics { Source = StatisticsSource.Revealed }.Bind(scene.Context));
        Refusal.Says("sends no running statistics", () => Inferred.Bind(scene.Context));
    }

    [Fact]
    public void The_batchs_statistics_follow_from_the_running_ones_that_a_client_sends()
    {
        using var scope = NewDisposeScope();
        using var scene = Normed(ModelMode.Train);
        var seen = scene.Trial(scene.Images).Trace;
        // PyTorch's own update of running statistics is the reference.
        var after = new LayerStatistics(seen.Normalized.ToDictionary(layer => layer.Layer.Name, layer =>
        {
            var mean = scene.Model.Buffers[layer.Layer.Name + ".running_mean"].clone();
            var variance = scene.Model.Buffers[layer.Layer.Name + ".running_var"].clone();
            nn.functional.batch_norm(layer.Input.detach(), mean, variance, training: true, momentum: 0.1);
            return (mean, variance);
        }));
        var expected = LayerStatistics.Of(seen);
        var inferred = after.Inferred(scene.Model, 2, scene.Training);
        var stepped = LayerStatistics.Running(scene.Model).After(expected, scene.Model.Network!, 2);
        foreach (var layer in expected.Names)
        {
            Assert.True((inferred[layer].Mean - expected[layer].Mean).abs().max().ToDouble() < 1e-9);
            Assert.True((inferred[layer].Variance - expected[layer].Variance).abs().max().ToDouble() < 1e-9);
            Assert.True((stepped[layer].Mean - after[layer].Mean).abs().max().ToDouble() < 1e-9);
            Assert.True((stepped[layer].Variance - after[layer].Variance).abs().max().ToDouble() < 1e-9);
        }
        using var context = Knowing(scene, running: after);
        Assert.Equal(0, Inferred.Bind(context)(scene.Trial(scene.Images)).ToDouble(), 1e-6);
        Assert.Equal(0, new BatchNormStatistics().Bind(context)(scene.Trial(scene.Images)).ToDouble(), 1e-6);
    }

    [Fact]
    public void Where_the_batchs_own_statistics_are_unknown_a_prior_on_them_says_nothing()
    {
        using var scope = NewDisposeScope();
        using var scene = Normed(ModelMode.Train);
        var prior = new BatchNormStatistics { Source = StatisticsSource.Batch };
        Assert.Equal(0, prior.Bind(scene.Context)(scene.Trial(scene.Images)).ToDouble());
        using var context = Knowing(scene, LayerStatistics.Of(scene.Trial(scene.Images).Trace));
        Assert.True(prior.Bind(context)(scene.Trial(scene.Images * 0.5)).ToDouble() > 0.01);
    }

    [Fact]
    public void Several_equal_steps_are_told_from_one()
    {
        using var scope = NewDisposeScope();
        using var scene = Normed(ModelMode.Train);
        var batch = LayerStatistics.Of(scene.Trial(scene.Images).Trace);
        var after = LayerStatistics.Running(scene.Model);
        for (var step = 0; step < 3; step++)
            after = after.After(batch, scene.Model.Network!, 2);
        var inferred = after.Inferred(scene.Model, 2, new FedAvg { Epochs = 3, BatchSize = 2, Mode = ModelMode.Train });
        foreach (var layer in batch.Names)
            Assert.True((inferred[layer].Variance - batch[layer].Variance).abs().max().ToDouble() < 1e-9);
    }

    [Fact]
    public void The_features_of_a_single_image_are_in_the_heads_gradient()
    {
        using var scope = NewDisposeScope();
        using var scene = Normed(ModelMode.Eval, batch: 1);
        var penalty = new LastLayerFeatures().Bind(scene.Context);
        Assert.Equal(0, penalty(scene.Trial(scene.Images)).ToDouble(), 1e-12);
        var other = scene.Images.flip(3);
        var difference = scene.Trial(other).Trace.Features! - scene.Trial(scene.Images).Trace.Features!;
        Assert.Equal(difference.square().mean().ToDouble(), penalty(scene.Trial(other)).ToDouble(), 1e-10);
    }

    [Fact]
    public void In_a_batch_every_image_has_the_features_of_its_class()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Smooth();
        var update = scene.Context.Observation.Update;
        var (weight, bias) = scene.Model.Head!.Value;
        var expected = 0.0;
        var features = scene.Trial(scene.Images).Trace.Features!;
        for (var image = 0; image < 2; image++)
            for (var f = 0L; f < features.shape[1]; f++)
            {
                var told = update[weight][scene.Labels[image], f].ToDouble() / update[bias!.Value][scene.Labels[image]].ToDouble();
                expected += Math.Pow(features[image, f].ToDouble() - told, 2) / features.numel();
            }
        Assert.Equal(expected, new LastLayerFeatures().Bind(scene.Context)(scene.Trial(scene.Images)).ToDouble(), 1e-9 * expected);
    }

    [Fact]
    public void A_script_shows_nothing()
    {
        using var scope = NewDisposeScope();
        var file = new TorchScriptFile(Shared.Path("problems", "pytorch", "resnet20-trained-b1", "model.pt"));
        using var model = file.OpenScript(new(3, 32, 32), 10, ScalarType.Float32, CPU);
        Refusal.Says("runs as a script", () => model.Logits(zeros(1, 3, 32, 32), trace: new Trace()));
    }
}
