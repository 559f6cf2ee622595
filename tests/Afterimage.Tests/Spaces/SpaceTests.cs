using Afterimage.Attacks;
using Afterimage.LabelRecovery;
using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Solvers;
using Afterimage.Spaces;
using Afterimage.Starts;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Spaces;

public class SpaceTests
{
    private static Scene Colored(int height = 12, int width = 12) =>
        new(new LeNet { Normalization = new([0.4, 0.5, 0.6], [0.2, 0.3, 0.25]) }, shape: new(3, height, width));

    private static Search Open(Scene scene, SearchSpace space, Tensor? start = null) =>
        space.Open(scene.Context, start ?? scene.Images, new RandomSource(1));

    private static double Largest(Tensor difference) => difference.abs().max().ToDouble();

    [Theory]
    [InlineData(12, 12, 4, 3, 3)]
    [InlineData(11, 14, 4, 3, 4)]
    [InlineData(12, 12, 16, 1, 1)]
    [InlineData(12, 12, 1, 12, 12)]
    public void A_low_resolution_has_few_pixels_and_keeps_planes(int height, int width, int factor, int rows, int columns)
    {
        using var scope = NewDisposeScope();
        using var scene = Colored(height, width);
        var search = Open(scene, new LowResolution { Factor = factor }, full_like(scene.Images, 0.3));
        Assert.Equal([2 * 3 * rows * columns], search.Start.shape);
        Assert.True(Largest(search.Decode(search.Start) - 0.3) < 1e-12, "a flat image stays flat");
        if (factor == 1)
            Assert.True(Largest(Open(scene, new LowResolution { Factor = 1 }).Decode(Open(scene, new LowResolution { Factor = 1 }).Start)
                - scene.Images) < 1e-12);
    }

    [Fact]
    public void Pixels_between_two_small_ones_lie_on_the_line_through_them()
    {
        using var scope = NewDisposeScope();
        using var scene = new Scene(new Mlp { Width = 8 }, shape: new(1, 1, 8), batch: 1);
        var search = Open(scene, new LowResolution { Factor = 4 });
        // Small pixels lie at 1.5 and 5.5; beyond them the image goes on as it is.
        var line = search.Decode(tensor(new[] { 0.2, 0.6 })).reshape(-1).data<double>().ToArray();
        Assert.Equal([0.2, 0.2, 0.25, 0.35, 0.45, 0.55, 0.6, 0.6], line, (a, b) => Math.Abs(a - b) < 1e-12);
    }

    [Fact]
    public void A_box_holds_for_images_of_every_space_that_has_one()
    {
        using var scope = NewDisposeScope();
        using var scene = Colored();
        foreach (var space in (SearchSpace[])[new Pixels { Box = true }, new LowResolution { Box = true }, new Spectral { Box = true }])
        {
            var search = Open(scene, space);
            var variables = search.Start + scene.Normal("far", search.Start.shape) * 30;
            Assert.True(search.Project(variables));
            Assert.InRange(search.Decode(variables).min().ToDouble(), -2e-5, 0.5);
            Assert.InRange(search.Decode(variables).max().ToDouble(), 0.5, 1 + 2e-5);
        }
    }

    [Fact]
    public void From_coarse_to_fine_the_resolution_doubles()
    {
        var space = new CoarseToFine { Levels = 4, Box = true, Finest = new Spectral() };
        Assert.Equal([new LowResolution { Factor = 8, Box = true }, new LowResolution { Factor = 4, Box = true },
            new LowResolution { Factor = 2, Box = true }, new Spectral()], space.Stages);
        Refusal.Says("/levels is 9: give a number from 1 to 8", () => Settings.Check(new CoarseToFine { Levels = 9 }));
    }

    [Fact]
    public void A_search_from_coarse_to_fine_goes_on_where_the_coarse_one_ended()
    {
        using var scene = Scene.Smooth(batch: 1);
        var images = new List<Tensor>();
        using var found = new GradientMatching
        {
            Labels = new Given(), Start = new Gaussian(), Space = new CoarseToFine { Levels = 3 }, Tolerance = 0,
            Solver = new FirstOrder { LearningRate = 0.01, Iterations = 30 },
        }.Run(scene.Context, iterate => images.Add(iterate.Images().DetachFromDisposeScope()));
        Assert.Equal(30, images.Count);
        using var scope = NewDisposeScope();
        // Blocks of the first images are planes: a second difference inside one is nothing.
        double Bends(Tensor image) => Largest(
            image.narrow(3, 2, 2).mean() * 0 + (image.narrow(3, 3, 1) - 2 * image.narrow(3, 2, 1) + image.narrow(3, 1, 1)));
        Assert.True(Bends(images[9]) < Bends(images[29]));
        Assert.Equal(0, Largest(images[0].narrow(3, 0, 1) - images[0].narrow(3, 1, 1)), 1e-12);
        Assert.NotEqual(0, Largest(images[29].narrow(3, 0, 1) - images[29].narrow(3, 1, 1)));
        images.ForEach(image => image.Dispose());
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(0, true)]
    [InlineData(1, false)]
    public void A_spectrum_stands_for_any_image(double fall, bool decorrelate)
    {
        using var scope = NewDisposeScope();
        using var scene = Colored(11, 14);
        var search = Open(scene, new Spectral { Fall = fall, Decorrelate = decorrelate });
        Assert.True(Largest(search.Decode(search.Start) - scene.Images) < 1e-10);
    }

    [Fact]
    public void Its_variables_make_pixels_of_their_size_whose_power_falls()
    {
        using var scope = NewDisposeScope();
        using var scene = new Scene(new Mlp { Width = 8 }, shape: new(3, 32, 32), batch: 40);
        var search = Open(scene, new Spectral());
        var images = search.Decode(scene.Normal("variables", search.Start.shape));
        Assert.InRange(images.square().mean().sqrt().ToDouble(), 0.9, 1.1);
        // Along a row the amplitude halves from one octave to the next.
        var gray = images.sum([1]);
        double Octave(int from) => fft.fft_(gray, dim: 2).abs().square().narrow(2, from, from).mean().sqrt().ToDouble();
        Assert.True(Octave(2) > 1.3 * Octave(4) && Octave(4) > 1.2 * Octave(8));
        var colored = images - images.mean([1], keepdim: true);
        Assert.InRange(colored.square().mean().ToDouble() / images.square().mean().ToDouble(), 0.04, 0.12);
    }

    [Fact]
    public void An_untrained_network_is_shared_by_the_batch_and_drawn_by_the_restart()
    {
        using var scope = NewDisposeScope();
        using var scene = Colored(11, 14);
        var space = new UntrainedNetwork { Width = 8 };
        var search = Open(scene, space);
        Assert.Equal([3 * (8 * 8 * 9 + 16) + 3 * 8 + 3], search.Start.shape);
        var images = search.Decode(search.Start);
        Assert.Equal(scene.Images.shape, images.shape);
        Assert.InRange(images.min().ToDouble(), 0, 1);
        Assert.InRange(images.max().ToDouble(), 0, 1);
        Assert.True(Largest(images[0] - images[1]) > 1e-3, "each image has noise of its own");
        Assert.True(search.Start.equal(Open(scene, space).Start).all().ToBoolean());
        Assert.False(search.Start.equal(space.Open(scene.Context, scene.Images, new RandomSource(2)).Start).all().ToBoolean());
        Refusal.Says("/doublings is 7: give a number from 0 to 6", () => Settings.Check(space with { Doublings = 7 }));
    }
}
