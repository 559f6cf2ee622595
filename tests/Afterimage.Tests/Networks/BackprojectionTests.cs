using Afterimage.Federation;
using Afterimage.Networks;
using Afterimage.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Networks;

public class BackprojectionTests
{
    private static GradientSet Update(Afterimage.Models.VictimModel victim, Tensor image, long label) =>
        new FedSgd().Evaluate(victim, new(image, nn.functional.one_hot(tensor(new[] { label }), 10).to(ScalarType.Float32)));

    /// <summary>The pictures of an update are what a graph of libtorch gives, one layer after the other.</summary>
    [Fact]
    public void Pictures_are_the_derivative_of_every_layers_part_of_the_difference()
    {
        using var scope = NewDisposeScope();
        using var victim = ToyInverter.Victim();
        using var reading = new Backprojection(victim, UpdatePairs.Gradient(victim));
        using var uniform = new RandomSource(1).Generator(CPU);
        var update = Update(victim, rand([1, 1, 8, 8], generator: uniform), 4);
        var pictures = reading.Of(update);
        var layers = UpdateReading.Layers(victim.Layout);
        Assert.Equal(layers.Count * 64, pictures.shape[0]);
        var target = nn.functional.one_hot(tensor(new[] { 4L }), 10).to(ScalarType.Float32);
        var point = new FedSgd().Linearize(victim, new(full([1L, 1, 8, 8], 0.5), target));
        foreach (var (layer, i) in layers.Select((layer, i) => (layer, i)))
        {
            Tensor Back(Tensor part)
            {
                var whole = zeros(victim.Layout.Count);
                whole.narrow(0, layer.From, layer.Count).copy_(part);
                return point.Pullback(new(victim.Layout, whole)).Inputs.reshape(-1);
            }
            Tensor Part(GradientSet of)
            {
                var part = of.Flat.narrow(0, layer.From, layer.Count);
                return part / part.norm();
            }
            var expected = Back(Part(update) - Part(point.Value)) / Back(Part(point.Value)).norm();
            Assert.InRange(((pictures.narrow(0, i * 64, 64) - expected).norm() / expected.norm()).ToDouble(), 0, 1e-3);
        }
    }

    [Fact]
    public void The_size_of_an_update_does_not_matter_and_that_of_a_gray_image_shows_nothing()
    {
        using var scope = NewDisposeScope();
        using var victim = ToyInverter.Victim();
        using var reading = new Backprojection(victim, UpdatePairs.Gradient(victim));
        using var uniform = new RandomSource(1).Generator(CPU);
        var update = Update(victim, rand([1, 1, 8, 8], generator: uniform), 4);
        var pictures = reading.Of(update);
        Assert.True(pictures.allclose(reading.Of(update.Scale(7)), rtol: 1e-3, atol: 1e-5));
        Assert.InRange(reading.Of(Update(victim, full([1L, 1, 8, 8], 0.5), 2)).abs().max().ToDouble(), 0,
            1e-4 * pictures.abs().max().ToDouble());
    }
}
