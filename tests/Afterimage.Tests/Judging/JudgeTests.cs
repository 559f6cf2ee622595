using Afterimage.Audit.Clients;
using Afterimage.Audit.Judging;
using Afterimage.Numerics;

namespace Afterimage.Tests.Judging;

public class JudgeTests
{
    private static readonly ImageShape Shape = new(1, 8, 8);
    private static readonly ValueList<string> Names = ["cat", "dog", "owl"];
    private static readonly Baselines NoPublic = new(new(Shape, []), new RandomSource(1));

    [Fact]
    public void Images_and_labels_are_compared_after_matching()
    {
        float[][] images = [Pictures.Noise(Shape, 1), Pictures.Noise(Shape, 2), Pictures.Noise(Shape, 3)];
        var truth = new PrivateBatch(Shape, images, [0, 1, 2], Names);
        var judgment = Judge.Compare(truth, new(Shape, [images[2], images[0], images[1]]), [2, 0, 1], NoPublic);
        Assert.Equal([1, 2, 0], judgment.Images.Select(image => image.Reconstruction));
        Assert.All(judgment.Images, image => Assert.Equal(image.TrueLabel, image.RecoveredLabel));
        Assert.All(judgment.Images, image => Assert.Equal(100, image.Metrics["psnr"]));
        Assert.Equal(1, judgment.LabelAccuracy);
        Assert.Equal(1, judgment.Metrics["ssim"].Minimum);
        Assert.Equal(3, judgment.Baselines["psnr"][Baselines.Gray].Count);
    }

    [Theory]
    [InlineData(new[] { 0, 0, 1 }, new[] { 0, 1, 1 }, 2.0 / 3)]
    [InlineData(new[] { 0, 1, 2 }, new[] { 2, 1, 0 }, 1)]
    [InlineData(new[] { 0, 0 }, new[] { 1, 1 }, 0)]
    [InlineData(new[] { 0 }, new[] { 0, 0, 0 }, 1)]
    public void Label_accuracy_is_the_overlap_of_multisets(int[] truth, int[] recovered, double expected) =>
        Assert.Equal(expected, LabelAccuracy.Of(truth, recovered), 1e-12);

    [Fact]
    public void A_batch_that_cannot_be_right_is_refused_with_the_reason()
    {
        var gray = Pictures.Flat(Shape, 0.5f);
        Assert.Contains("divide bytes by 255", Refusal([Pictures.Flat(Shape, 200)], [0]), StringComparison.Ordinal);
        Assert.Contains("Image 1", Refusal([gray, Pictures.Flat(Shape, float.NaN)], [0, 0]), StringComparison.Ordinal);
        Assert.Contains("label 3", Refusal([gray], [3]), StringComparison.Ordinal);
        Assert.Contains("2 labels", Refusal([gray], [0, 1]), StringComparison.Ordinal);
        Assert.Contains("no images", Refusal([], []), StringComparison.Ordinal);
        Assert.Contains("64 values", Refusal([new float[63]], [0]), StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_labels_of_an_attack_are_refused() => Assert.Throws<AfterimageException>(() =>
        Judge.Compare(new(Shape, [Pictures.Flat(Shape, 0)], [0], Names), new(Shape, [Pictures.Flat(Shape, 0)]), [], NoPublic));

    private static string Refusal(float[][] images, ValueList<int> labels) =>
        Assert.Throws<AfterimageException>(() => new PrivateBatch(Shape, images, labels, Names)).Message;
}
