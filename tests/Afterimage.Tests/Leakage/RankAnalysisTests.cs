using Afterimage.Leakage;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Tests.Laws;

namespace Afterimage.Tests.Leakage;

public class RankAnalysisTests
{
    [Fact]
    public void Tokens_share_the_equations_of_a_weight()
    {
        var layers = Of(new(3, 12, 12), new Conv2d("patch", 3, 8, 4, 4), new ImageToTokens(), new ClassToken("token", [1, 1, 8]),
            new PositionalEmbedding("places", [1, 10, 8]), new Residual([new LayerNorm("norm", [8]), new Linear("packed", 8, 6),
                new Attention(1, 1), new Linear("out", 2, 8)], []), new TokenRange(0, 1)).Layers;
        Assert.Equal(["patch", "packed", "out", "head"], layers.Select(layer => layer.Layer));
        // Ten tokens of eight features, six equations for each feature.
        Assert.Equal((80, 48), (layers[1].Unknowns, layers[1].GradientConstraints));
    }

    private static RankAnalysis Of(ImageShape shape, params Layer[] layers)
    {
        long[] image = [shape.Channels, shape.Height, shape.Width];
        var features = layers.Aggregate(image, (current, layer) => layer.Follow(current));
        var count = (int)features.Aggregate(1L, (product, size) => product * size);
        return RankAnalysis.Of(new Network(shape, 10, [.. layers, new Flatten(), new Linear("head", count, 10)]).Checked(), new(1));
    }

    [Fact]
    public void A_linear_layer_determines_its_input()
    {
        var layers = RankAnalysis.Of(new Mlp { Width = 20, Depth = 2 }.Describe(new(1, 6, 6), 10), new(1)).Layers;
        Assert.Equal([36L, 20], layers.Select(layer => layer.GradientConstraints));
        Assert.Equal([20L, 10], layers.Select(layer => layer.WeightConstraints));
        Assert.All(layers, layer => Assert.Equal(0, layer.Deficit));
    }

    /// <summary>
    /// A 1x1 convolution from C to O channels: each of P places gives O weight constraints, each pair of channels one gradient
    /// constraint, and O x O combinations, sum over places of z times dL/dz, are said twice.
    /// </summary>
    [Theory]
    [InlineData(3, 1, 5), InlineData(4, 2, 4), InlineData(6, 3, 6), InlineData(5, 1, 3)]
    public void A_pointwise_convolution_in_closed_form(int channels, int outputs, int size)
    {
        var layer = Of(new(channels, size, size), new Conv2d("a", channels, outputs, 1)).Layers[0];
        var places = size * size;
        Assert.Equal(outputs * places, layer.WeightConstraints);
        Assert.Equal(channels * outputs, layer.GradientConstraints);
        Assert.Equal(outputs * places + channels * outputs - outputs * outputs, layer.Rank);
        Assert.Equal(channels * places - layer.Rank, layer.Deficit);
        Assert.True(layer.Exact);
    }

    [Fact]
    public void As_many_outputs_as_inputs_determine_a_pointwise_convolution()
    {
        var analysis = Of(new(3, 5, 5), new Conv2d("a", 3, 3, 1));
        Assert.Equal(75, analysis.Layers[0].Rank);
        Assert.Null(analysis.Weakest);
        Assert.Contains("enough to determine", analysis.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Average_pooling_passes_on_one_equation_for_each_window_and_blurs_the_signal()
    {
        var layer = Of(new(2, 8, 8), new Conv2d("a", 2, 2, 1), new AvgPool2d(2, 2)).Layers[0];
        Assert.Equal(2 * 16, layer.WeightConstraints);
        Assert.Equal(4, layer.GradientConstraints);
        // Both kinds see nothing but the means of the 16 windows of 2 channels.
        Assert.Equal(2 * 16, layer.Rank);
        Assert.Equal(2 * 64 - 2 * 16, layer.Deficit);
    }

    [Fact]
    public void A_global_mean_leaves_its_means()
    {
        var layer = Of(new(4, 6, 6), new Conv2d("a", 4, 3, 1), new GlobalAvgPool2d()).Layers[0];
        Assert.Equal(3, layer.WeightConstraints);
        Assert.Equal(4, layer.GradientConstraints);
        Assert.Equal(4, layer.Rank);
    }

    [Fact]
    public void ReLU_passes_on_about_half_of_the_weight_constraints()
    {
        var layer = Of(new(4, 16, 16), new Conv2d("a", 4, 4, 1), new Activation(ActivationKind.ReLU)).Layers[0];
        Assert.InRange(layer.WeightConstraints, 4 * 256 * 0.4, 4 * 256 * 0.6);
        Assert.True(layer.Deficit > 0);
    }

    [Fact]
    public void A_narrow_layer_before_is_a_virtual_constraint()
    {
        var analysis = Of(new(1, 6, 6), new Conv2d("a", 1, 8, 1), new Activation(ActivationKind.LeakyReLU), new Conv2d("b", 8, 1, 1));
        var wide = analysis.Layers[1];
        Assert.Equal(8 * 36 - 36, wide.VirtualConstraints);
        Assert.Equal(36 + 8 - 1, wide.Rank);
        Assert.Equal(0, wide.Deficit);
    }

    [Fact]
    public void A_residual_says_what_is_not_counted()
    {
        var analysis = RankAnalysis.Of(new ResNet().Describe(new(3, 16, 16), 10), new(1));
        Assert.Contains(analysis.Layers, layer => layer.Remark.Contains("does not tell its branches apart", StringComparison.Ordinal));
        Assert.All(analysis.Layers, layer => Assert.InRange(layer.Rank, 1, layer.Unknowns));
    }

    [Theory, MemberData(nameof(Models))]
    public void Every_built_in_model_is_counted_layer_by_layer(string model)
    {
        var network = ((Architecture)Scene.Source(model)).Describe(new(3, 12, 12), 10);
        var analysis = RankAnalysis.Of(network, new(1));
        Assert.Equal(Named(network.Layers).Order(), analysis.Layers.Select(layer => layer.Layer).Order());
        Assert.All(analysis.Layers, layer =>
        {
            Assert.InRange(layer.Rank, Math.Max(layer.WeightConstraints, layer.GradientConstraints),
                Math.Min(layer.Unknowns, layer.WeightConstraints + layer.GradientConstraints));
            Assert.Equal(Math.Max(0, layer.Unknowns - layer.Rank - layer.VirtualConstraints), layer.Deficit);
        });
    }

    public static TheoryData<string> Models =>
        [.. Parts.Catalog.Parts(typeof(ModelSource)).Where(type => type.IsSubclassOf(typeof(Architecture))).Select(Catalog.Kind)];

    private static IEnumerable<string> Named(ValueList<Layer> layers) => layers.SelectMany(layer => layer switch
    {
        Residual residual => Named(residual.Body).Concat(Named(residual.Shortcut)),
        Linear linear => [linear.Name],
        Conv2d conv => [conv.Name],
        _ => (IEnumerable<string>)[],
    });

    [Fact]
    public void The_deficit_sits_where_most_is_missing()
    {
        var analysis = Of(new(3, 8, 8), new Conv2d("first", 3, 2, 3, 2, 1), new Activation(ActivationKind.Tanh),
            new Conv2d("second", 2, 8, 3, 1, 1));
        Assert.Equal("first", analysis.Weakest!.Layer);
        Assert.Contains("first", analysis.Sentence, StringComparison.Ordinal);
        Assert.Equal(analysis.Deficit, analysis.Layers.Sum(layer => layer.Deficit));
    }
}
