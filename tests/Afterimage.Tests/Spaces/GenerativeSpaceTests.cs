using Afterimage.Attacks;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Solvers;
using Afterimage.Spaces;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Spaces;

public class GenerativeSpaceTests
{
    private static Scene Colored(int side = 12) => new(new LeNet(), shape: new(3, side, side));

    private static double Largest(Tensor difference) => difference.abs().max().ToDouble();

    [Fact]
    public void Latents_are_drawn_by_the_restart_and_make_images_of_the_models_shape()
    {
        using var scope = NewDisposeScope();
        foreach (var (channels, side) in ((int, int)[])[(3, 12), (1, 12), (3, 48)])
        {
            using var scene = new Scene(new LeNet(), shape: new(channels, side, side));
            var search = new Latent().Open(scene.Context, scene.Images, new RandomSource(1));
            var images = search.Decode(search.Start);
            Assert.Equal(scene.Images.shape, images.shape);
            Assert.InRange(images.min().ToDouble(), 0, 1);
            Assert.InRange(images.max().ToDouble(), 0, 1);
            Assert.False(search.Start.equal(new Latent().Open(scene.Context, scene.Images, new RandomSource(2)).Start).all().ToBoolean());
        }
    }

    [Fact]
    public void Every_layer_goes_on_from_the_images_of_the_one_before()
    {
        using var scope = NewDisposeScope();
        using var scene = Colored();
        var stages = new GeneratorLayers { Layers = 9 }.Stages;
        Assert.Equal(10, stages.Count);
        var search = stages[0].Open(scene.Context, scene.Images, new RandomSource(1));
        var sizes = new List<long>();
        foreach (var stage in stages.Skip(1))
        {
            var variables = search.Start + scene.Normal("moved", search.Start.shape) * 0.05;
            var next = stage.Follow(scene.Context, search, variables, new RandomSource(1));
            // Behind the last place the search goes on from where it was.
            Assert.True(((GeneratorSearch)next).Stage == Math.Min(
                ((GeneratorSearch)search).Stage + 1, ((GeneratorSearch)search).Images.Generator.Stages - 1));
            Assert.True(Largest(next.Decode(next.Start) - search.Decode(variables)) < 1e-12);
            var cotangent = scene.Normal("cotangent", scene.Images.shape);
            Slope.Agrees(z => (next.Decode(z) * cotangent).sum().ToDouble(), next.Start, next.Pullback(next.Start, cotangent),
                scene.Normal("direction", next.Start.shape), step: 1e-8);
            sizes.Add(next.Start.shape[0]);
            search = next;
        }
        Assert.True(sizes.Count >= 3 && sizes[^1] > sizes[0], string.Join(",", sizes));
    }

    [Fact]
    public void Parameters_begin_where_the_latents_ended()
    {
        using var scope = NewDisposeScope();
        using var scene = Colored();
        var stages = new TunedGenerator { LatentShare = 0.25 }.Stages;
        Assert.Equal([0.25, 0.75], stages.Select(stage => stage.Share));
        var latents = stages[0].Open(scene.Context, scene.Images, new RandomSource(1));
        var found = latents.Start + 0.1;
        var parameters = stages[1].Follow(scene.Context, latents, found, new RandomSource(1));
        Assert.True(Largest(parameters.Decode(parameters.Start) - latents.Decode(found)) < 1e-12);
        var cotangent = scene.Normal("cotangent", scene.Images.shape);
        Slope.Agrees(z => (parameters.Decode(z) * cotangent).sum().ToDouble(), parameters.Start,
            parameters.Pullback(parameters.Start, cotangent), scene.Normal("direction", parameters.Start.shape), step: 1e-8);
    }

    [Fact]
    public void The_divergence_is_that_of_a_normal_distribution_of_the_latents_mean_and_variance()
    {
        using var scope = NewDisposeScope();
        using var scene = Colored();
        var search = new Latent { Divergence = 0.5 }.Open(scene.Context, scene.Images, new RandomSource(1));
        var latents = (search.Start * 1.5 + 0.3).view(2, -1);
        var expected = 0.0;
        for (var i = 0; i < 2; i++)
        {
            var numbers = latents[i].data<double>().ToArray();
            var (mean, square) = (numbers.Average(), numbers.Average(number => number * number));
            var variance = square - mean * mean;
            expected += (variance + mean * mean - 1 - Math.Log(variance)) / 2;
        }
        Assert.Equal(0.5 * expected, search.Penalty(latents.reshape(-1))!.ToDouble(), 1e-10);
    }

    [Fact]
    public void A_ball_takes_the_nearest_point_inside()
    {
        using var scope = NewDisposeScope();
        using var generator = new RandomSource(4).Generator(CPU);
        var center = randn([3 * 50], ScalarType.Float64, CPU, generator: generator);
        var points = center + randn([3 * 50], ScalarType.Float64, CPU, generator: generator)
            * tensor([0.01, 1, 4]).repeat_interleave(50);
        var moved = points.clone();
        Assert.True(L1Ball.Project(moved, center, 3, 0.4));
        for (var row = 0; row < 3; row++)
        {
            var (middle, away) = (center.narrow(0, row * 50, 50), (points - center).narrow(0, row * 50, 50));
            var radius = 0.4 * middle.abs().sum().ToDouble();
            var (low, high) = (0.0, away.abs().max().ToDouble());
            Tensor Cut(double threshold) => away.sign() * (away.abs() - threshold).clamp_min(0);
            for (var halving = 0; halving < 200 && Cut(0).abs().sum().ToDouble() > radius; halving++)
                if (Cut((low + high) / 2).abs().sum().ToDouble() > radius)
                    low = (low + high) / 2;
                else
                    high = (low + high) / 2;
            Assert.True(Largest(moved.narrow(0, row * 50, 50) - middle - Cut(low)) < 1e-9);
        }
        Assert.False(L1Ball.Project(moved.narrow(0, 0, 50), center.narrow(0, 0, 50), 1, 0.4));
    }

    [Fact]
    public void The_stage_that_explains_the_update_best_is_the_result()
    {
        using var scene = Colored();
        var attack = new GradientMatching
        {
            Labels = new Given(), Space = new GeneratorLayers { Layers = 3 }, Restarts = 1, Tolerance = 0,
            Solver = new FirstOrder { LearningRate = 0.05, Iterations = 80 },
        };
        var values = new List<double>();
        using var found = attack.Run(scene.Context, iterate => values.Add(iterate.Objective));
        Assert.Equal(80, values.Count);
        Assert.Equal(values.Min(), found.Objective, 1e-12);
        var latents = attack with { Space = new Latent(), Solver = attack.Solver with { Iterations = 20 } };
        using var alone = latents.Run(scene.Context);
        Assert.True(found.Objective < alone.Objective);
    }
}
