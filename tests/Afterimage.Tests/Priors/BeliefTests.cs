using Afterimage.Models;
using Afterimage.Numerics;
using Afterimage.Priors;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Priors;

/// <summary>Priors on pixels alone, against slow loops.</summary>
public class BeliefTests
{
    private static readonly double[] Mean = [0.4, 0.5, 0.6];
    private static readonly double[] Std = [0.2, 0.3, 0.25];

    private static Scene Colored(int batch = 2, ImageShape? shape = null) =>
        new(new LeNet { Normalization = new(Mean.ToValueList(), Std.ToValueList()) }, batch: batch, shape: shape);

    private static double Value(Scene scene, Prior prior, Tensor? images = null, Tensor? consensus = null) =>
        prior.Bind(scene.Context)(scene.Trial(images ?? scene.Images, consensus)).ToDouble();

    private static double[] Seen(Tensor image) => [.. Enumerable.Range(0, (int)image.shape[0]).SelectMany(c =>
        image[c].reshape(-1).data<double>().ToArray().Select(value => (value - Mean[c]) / Std[c]))];

    [Fact]
    public void L2_is_half_the_mean_square()
    {
        using var scope = NewDisposeScope();
        using var scene = Colored();
        var all = Seen(scene.Images[0]).Concat(Seen(scene.Images[1])).ToArray();
        Assert.Equal(all.Sum(value => value * value) / all.Length / 2, Value(scene, new L2()), 1e-12);
    }

    [Fact]
    public void Orthogonality_is_the_mean_squared_cosine_over_pairs()
    {
        using var scope = NewDisposeScope();
        using var scene = Colored(batch: 3);
        var rows = Enumerable.Range(0, 3).Select(i => Seen(scene.Images[i])).ToArray();
        double Dot(int i, int j) => rows[i].Zip(rows[j], (a, b) => a * b).Sum();
        var pairs = new[] { (0, 1), (0, 2), (1, 2) }.Average(pair => Math.Pow(Dot(pair.Item1, pair.Item2), 2)
            / (Dot(pair.Item1, pair.Item1) * Dot(pair.Item2, pair.Item2)));
        Assert.Equal(pairs, Value(scene, new Orthogonality()), 1e-10);
        using var single = Colored(batch: 1);
        Assert.Equal(0, Value(single, new Orthogonality()));
    }

    [Fact]
    public void Group_consistency_is_the_distance_from_what_the_group_agrees_on()
    {
        using var scope = NewDisposeScope();
        using var scene = Colored();
        var consensus = scene.Images.flip(3);
        double Distance(int i) => Math.Sqrt(Seen(scene.Images[i]).Zip(Seen(consensus[i]), (a, b) => (a - b) * (a - b)).Sum());
        Assert.Equal((Distance(0) + Distance(1)) / 2, Value(scene, new GroupConsistency(), consensus: consensus), 1e-10);
        Assert.Equal(0, Value(scene, new GroupConsistency()));
        var leaf = scene.Images.clone().requires_grad_();
        var penalty = new GroupConsistency().Bind(scene.Context);
        Slope.Agrees(images => penalty(scene.Trial(images, consensus)).ToDouble(), scene.Images,
            Differentiate.Gradients(penalty(scene.Trial(leaf, consensus)), [leaf])[0], scene.Normal("direction", scene.Images.shape));
    }

    [Fact]
    public void Haar_details_are_those_computed_by_hand()
    {
        using var scope = NewDisposeScope();
        var transform = new WaveletTransform(2, 2, 5, Wavelet.Haar, ScalarType.Float64, CPU);
        var (details, smooth) = transform.Of(tensor(new double[] { 1, 2, 3, 5 }).view(1, 1, 2, 2));
        Assert.Equal(5.5, smooth.item<double>(), 1e-12);
        Assert.Equal([-2.5, 0.5], details[0].reshape(-1).data<double>().ToArray(), Close);
        Assert.Equal(-1.5, details[1].item<double>(), 1e-12);
    }

    [Theory]
    [InlineData(Wavelet.Haar)]
    [InlineData(Wavelet.Daubechies4)]
    public void A_wavelet_transform_keeps_lengths_and_angles(Wavelet wavelet)
    {
        using var scope = NewDisposeScope();
        var transform = new WaveletTransform(24, 16, 5, wavelet, ScalarType.Float64, CPU);
        var (a, b) = (rand([1, 2, 24, 16], ScalarType.Float64), rand([1, 2, 24, 16], ScalarType.Float64));
        Tensor Flat(Tensor images)
        {
            var (details, smooth) = transform.Of(images);
            return cat([.. details.Append(smooth).Select(block => block.reshape(-1))]);
        }
        Assert.Equal(a.numel(), Flat(a).numel());
        Assert.Equal((a * b).sum().ToDouble(), Flat(a).dot(Flat(b)).ToDouble(), 1e-9);
    }

    [Fact]
    public void Daubechies_filters_do_not_see_slopes_inside_an_image()
    {
        using var scope = NewDisposeScope();
        var ramp = arange(16, ScalarType.Float64).view(1, 1, 1, 16).expand(1, 1, 16, 16);
        var (details, _) = new WaveletTransform(16, 16, 1, Wavelet.Daubechies4, ScalarType.Float64, CPU).Of(ramp);
        Assert.True(details[1].narrow(3, 0, 7).abs().max().ToDouble() < 1e-10);
        var (haar, _) = new WaveletTransform(16, 16, 1, Wavelet.Haar, ScalarType.Float64, CPU).Of(ramp);
        Assert.True(haar[1].narrow(3, 0, 7).abs().min().ToDouble() > 0.5);
    }

    [Fact]
    public void Wavelet_sparsity_is_the_mean_absolute_detail()
    {
        using var scope = NewDisposeScope();
        using var scene = Colored(shape: new(3, 8, 12));
        var (details, _) = new WaveletTransform(8, 12, 5, Wavelet.Haar, ScalarType.Float64, CPU)
            .Of((scene.Images - tensor(Mean).view(1, 3, 1, 1)) / tensor(Std).view(1, 3, 1, 1));
        Assert.Equal(4, details.Count);
        Assert.Equal(details.Sum(block => block.abs().sum().ToDouble()) / scene.Images.numel(), Value(scene, new WaveletSparsity()), 1e-12);
        Assert.Equal(0, Value(scene, new WaveletSparsity(), full_like(scene.Images, 0.3)), 1e-12);
    }

    private static bool Close(double left, double right) => Math.Abs(left - right) < 1e-12;
}
