using Afterimage.Federation;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.LabelRecovery;

public class RuleTests
{
    private const int Classes = 6;

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(5)]
    public void One_label_is_read_from_the_head(int label)
    {
        foreach (var rule in (LabelRule[])[new Idlg(), new BiasSign()])
        {
            var found = Recover(rule, [label]);
            Assert.Equal([label], found.Classes);
            Assert.Equal([1.0], found.Confidence);
            Assert.False(found.Refine);
        }
    }

    [Fact]
    public void Distinct_labels_are_certain()
    {
        var found = Recover(new BiasSign(), [4, 0, 2]);
        Assert.Equal([0, 2, 4], found.Classes);
        Assert.Equal([1.0, 1, 1], found.Confidence);
    }

    [Theory]
    [InlineData(1, 1, 3)]
    [InlineData(2, 2, 2, 2)]
    [InlineData(0, 0, 0, 5, 5)]
    public void Repeated_labels_are_found_as_the_most_likely(params int[] labels)
    {
        var found = Recover(new BiasSign(), labels);
        Assert.Equal(labels.Order(), found.Classes);
        Assert.True(found.Confidence.Count(confidence => confidence == 1) >= labels.Distinct().Count());
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 2)]
    public void A_weight_difference_points_the_other_way(int epochs, int batchSize)
    {
        var training = new FedAvg { Epochs = epochs, BatchSize = batchSize, LearningRate = 0.05 };
        Assert.Equal([1, 4], Recover(new BiasSign(), [4, 1], training).Classes);
        Assert.Equal([2], Recover(new Idlg(), [2], training).Classes);
    }

    [Fact]
    public void A_head_without_a_bias_leaves_the_weights_alone()
    {
        Assert.Equal([2], Recover(new Idlg(), [2], bias: false).Classes);
        var message = Assert.Throws<AfterimageException>(() => Recover(new BiasSign(), [2], bias: false)).Message;
        Assert.Contains("bias", message, StringComparison.Ordinal);
        Assert.Contains("joint", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_images_are_too_many_for_idlg() =>
        Refusal.Says("2 images", () => Recover(new Idlg(), [1, 2]));

    [Fact]
    public void Labels_are_given_only_if_the_threat_model_gives_them()
    {
        Assert.Equal([4, 1], Recover(new Given(), [4, 1], reveal: true).Classes);
        Refusal.Says("does not reveal", () => Recover(new Given(), [4, 1]));
    }

    [Fact]
    public void Joint_labels_are_unknowns_of_the_search()
    {
        var found = Recover(new Joint(), [4, 1]);
        Assert.True(found.Refine);
        Assert.Equal(2, found.Classes.Count);
        Assert.All(found.Confidence, confidence => Assert.Equal(1.0 / Classes, confidence, 1e-12));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Real_gradients_of_an_untrained_network_tell_distinct_labels(int batch)
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Tiny(batch);
        Assert.Equal(scene.Labels.Order(), new BiasSign().Recover(scene.Context).Classes);
    }

    /// <summary>A head whose images all have the same features and uniform predictions.</summary>
    private static Labels Recover(LabelRule rule, int[] labels, LocalTraining? training = null, bool bias = true, bool reveal = false)
    {
        using var scope = NewDisposeScope();
        training ??= new FedSgd();
        var network = new Network(new(1, 2, 2), Classes, [new Flatten(), new Linear("head", 4, Classes, bias)]);
        Tensor[] weights = [.. network.Parameters.Select(spec => zeros([.. spec.Shape]))];
        using var model = new NetworkModel(network, Normalization.None(1), weights, []);
        var row = full([Classes], 1.0 / Classes);
        foreach (var label in labels)
            row[label] -= 1f / labels.Length;
        ValueList<int>? revealed = reveal ? labels.ToValueList() : null;
        Tensor[] gradient = [row.unsqueeze(1) * tensor(new[] { 0.5f, 0, 1, 0.25f }), row];
        var update = GradientSet.Gather(model.Layout, gradient[..network.Parameters.Count()]).Scale(training.GradientFactor(labels.Length));
        return rule.Recover(new()
        {
            Model = model,
            Observation = new() { Update = update, Training = training, BatchSize = labels.Length, Labels = revealed },
            Random = new RandomSource(1),
        });
    }
}
