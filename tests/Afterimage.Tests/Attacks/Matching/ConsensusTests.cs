using Afterimage.Attacks;
using Afterimage.Data;
using Afterimage.LabelRecovery;
using Afterimage.Numerics;
using Afterimage.Priors;
using Afterimage.Solvers;
using Afterimage.Starts;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Attacks;

public class ConsensusTests
{
    /// <summary>A smooth picture that can be looked at anywhere between its pixels.</summary>
    private static Tensor Picture(double down, double right, int size = 32, double phase = 0)
    {
        var pixels = new double[3, size, size];
        for (var c = 0; c < 3; c++)
            for (var y = 0; y < size; y++)
                for (var x = 0; x < size; x++)
                {
                    var (v, u) = (y - down, x - right);
                    var wave = Math.Cos(0.5 * v - 0.2 * u * (c + 1)) * Math.Exp(-(u - 14) * (u - 14) / 90);
                    var spot = Math.Exp(-((u - 18) * (u - 18) + (v - 12) * (v - 12)) / 8);
                    pixels[c, y, x] = 0.5 + 0.2 * Math.Sin(0.7 * u + 0.3 * v + phase) + 0.15 * wave + 0.15 * spot;
                }
        return tensor(pixels);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(2, -3)]
    [InlineData(1.5, 0.25)]
    [InlineData(-0.3, -2.6)]
    public void A_translation_is_found_to_a_fraction_of_a_pixel(double down, double right)
    {
        using var scope = NewDisposeScope();
        var (foundDown, foundRight) = Registered.Shift(Picture(0, 0), Picture(-down, -right));
        Assert.Equal(down, foundDown, 0.2);
        Assert.Equal(right, foundRight, 0.2);
    }

    [Fact]
    public void A_photograph_with_noise_is_found_as_well()
    {
        using var scope = NewDisposeScope();
        var leaves = new DeadLeaves { Shape = new(3, 40, 40) }.Open()[3];
        var large = tensor(leaves.Pixels).view(3, 40, 40).to(ScalarType.Float64);
        Tensor View(int down, int right) =>
            large.narrow(1, 4 - down, 32).narrow(2, 4 - right, 32) + randn([3, 32, 32], ScalarType.Float64) * 0.05;
        var (down, right) = Registered.Shift(View(0, 0), View(-2, 3));
        Assert.Equal(2, down, 0.3);
        Assert.Equal(-3, right, 0.3);
    }

    [Fact]
    public void What_is_moved_lies_where_it_should()
    {
        using var scope = NewDisposeScope();
        var moved = Registered.Moved(Picture(0, 0), (2, -1)).narrow(1, 3, 26).narrow(2, 3, 26);
        Assert.True((moved - Picture(2, -1).narrow(1, 3, 26).narrow(2, 3, 26)).abs().max().ToDouble() < 1e-12);
        var line = Registered.Moved(arange(5, ScalarType.Float64).view(1, 1, 5), (0, 0.25)).reshape(-1).data<double>().ToArray();
        Assert.Equal([0, 0.75, 1.75, 2.75, 3.75], line);
    }

    [Fact]
    public void A_mirrored_image_is_turned_back_where_that_is_asked_for()
    {
        using var scope = NewDisposeScope();
        var mirrored = Picture(0, 0).flip(2);
        double Left(Registration registration) =>
            (Registered.Onto(Picture(0, 0), mirrored, registration) - Picture(0, 0)).square().mean().ToDouble();
        Assert.True(Left(Registration.TranslationAndFlip) < 1e-12);
        Assert.True(Left(Registration.Translation) > 1e-3);
    }

    [Fact]
    public void Registration_brings_the_mean_nearer_to_the_truth()
    {
        using var scope = NewDisposeScope();
        (double, double)[] places = [(0, 0), (1.5, -2), (-1, 1), (2, 2.5)];
        Tensor Noisy(double down, double right) => Picture(down, right) + randn([3, 32, 32], ScalarType.Float64) * 0.02;
        var members = places.Select(place => Noisy(place.Item1, place.Item2).unsqueeze(0)).ToArray();
        double Error(Registration registration) => Consensus.Of(members, [0], registration)[2].squeeze(0).sub(Picture(0, 0))
            .narrow(1, 4, 24).narrow(2, 4, 24).square().mean().sqrt().ToDouble();
        Assert.True(Error(Registration.Translation) < 0.35 * Error(Registration.None));
    }

    [Fact]
    public void Images_of_one_class_are_paired_before_they_are_averaged()
    {
        using var scope = NewDisposeScope();
        var (a, b, c) = (Picture(0, 0), Picture(0, 0, phase: 2), Picture(0, 0, phase: 4));
        var agreed = Consensus.Of([stack([a, b, c]), stack([b, a, c])], [1, 1, 2], Registration.None);
        Assert.True((agreed[0] - stack([a, b, c])).abs().max().ToDouble() < 1e-12);
        Assert.True((agreed[1] - stack([b, a, c])).abs().max().ToDouble() < 1e-12);
        // Another class is another image, however similar.
        var apart = Consensus.Of([stack([a, b]), stack([b, a])], [1, 2], Registration.None);
        Assert.True((apart[0] - (stack([a, b]) + stack([b, a])) / 2).abs().max().ToDouble() < 1e-12);
    }

    private static GradientMatching Grouped(double weight, int restarts = 3) => new()
    {
        Labels = new Given(), Start = new Gaussian(), Tolerance = 0, Restarts = restarts,
        Priors = [new GroupConsistency { Weight = weight, From = 5, Every = 5 }],
        Solver = new FirstOrder { LearningRate = 0.05, Iterations = 40 },
    };

    [Fact]
    public void Restarts_of_a_group_take_their_steps_in_turn()
    {
        using var scene = Scene.Tiny();
        var seen = new List<(int Restart, int Iteration)>();
        using var found = Grouped(1e-3).Run(scene.Context, iterate => seen.Add((iterate.Restart, iterate.Iteration)));
        Assert.Equal(120, seen.Count);
        Assert.Equal(120, found.Evaluations);
        for (var step = 0; step < 40; step++)
        {
            Assert.Equal([0, 1, 2], seen.Skip(3 * step).Take(3).Select(one => one.Restart).Order());
            Assert.All(seen.Skip(3 * step).Take(3), one => Assert.Equal(step, one.Iteration));
        }
    }

    [Fact]
    public void A_group_comes_to_agree_the_more_it_matters()
    {
        double Spread(double weight)
        {
            using var scope = NewDisposeScope();
            using var scene = Scene.Tiny();
            var last = new Dictionary<int, float[]>();
            Grouped(weight).Run(scene.Context, iterate => last[iterate.Restart] = iterate.Images().data<float>().ToArray()).Dispose();
            return stack(last.Values.Select(pixels => tensor(pixels))).std([0]).mean().ToDouble();
        }
        Assert.True(Spread(1) < 0.7 * Spread(1e-9));
    }

    [Fact]
    public void One_restart_has_nobody_to_agree_with()
    {
        using var scene = Scene.Tiny();
        Refusal.Says("two restarts or more", () => Grouped(1, restarts: 1).Run(scene.Context));
    }
}
