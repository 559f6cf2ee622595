using Afterimage.Federation;
using Afterimage.Images;
using Afterimage.Leakage;
using Afterimage.Models;
using Afterimage.Tests.Laws;
using TorchSharp;
using static TorchSharp.torch;

namespace Afterimage.Tests.Leakage;

/// <summary>The Jacobian as products, against the Jacobian as a matrix.</summary>
public class JacobianLaws
{
    [Theory]
    [InlineData(NoiseScale.Layer)]
    [InlineData(NoiseScale.Whole)]
    public void Products_are_adjoint_and_equal_the_matrix(NoiseScale scale)
    {
        using var scope = NewDisposeScope();
        using var scene = Probed.Convolutional(2);
        using var jacobian = new UpdateJacobian(scene.Context, scene.Images, scene.Targets, scale);
        var matrix = Probed.Jacobian(scene, scale);
        var (u, v) = (scene.Normal("u", scene.Images.shape), scene.Normal("v", jacobian.Equations));
        Probed.Close((jacobian.Apply(u) * v).sum().ToDouble(), (jacobian.Transpose(v) * u).sum().ToDouble(), 1e-11);
        Assert.True(allclose(matrix.matmul(u.view(-1)), jacobian.Apply(u), rtol: 1e-8, atol: 1e-8));
        Assert.True(allclose(matrix.t().matmul(matrix), jacobian.Gram(), rtol: 1e-8, atol: 1e-8));
    }

    [Fact]
    public void Local_training_of_several_steps_has_products_too()
    {
        using var scope = NewDisposeScope();
        using var scene = Scene.Tiny(2, new FedAvg { Epochs = 2, BatchSize = 1, LearningRate = 0.1 }, ScalarType.Float64);
        using var jacobian = new UpdateJacobian(scene.Context, scene.Images, scene.Targets, NoiseScale.Layer);
        var matrix = Probed.Jacobian(scene, NoiseScale.Layer);
        Assert.True(allclose(matrix.t().matmul(matrix), jacobian.Gram(), rtol: 1e-8, atol: 1e-10));
    }

    [Theory]
    [InlineData(1, NoiseScale.Layer)]
    [InlineData(2, NoiseScale.Whole)]
    public void The_spectrum_is_that_of_the_matrix(int batch, NoiseScale scale)
    {
        using var scope = NewDisposeScope();
        using var scene = Probed.Convolutional(batch);
        var white = new WhiteImages(scene.Model.Input, 0.05);
        var found = scene.Measure(white, scale);
        var exact = linalg.svdvals(Probed.Jacobian(scene, scale)).data<double>().ToArray();
        Assert.Equal(exact.Length, found.Singular.Count);
        // Far below what a squared matrix tells apart.
        for (var k = 0; k < exact.Length; k++)
            Assert.InRange(found.Singular[k] - exact[k], -2e-10 * exact[0], 2e-10 * exact[0]);
    }

    [Fact]
    public void One_image_behind_a_linear_layer_is_determined_and_two_of_one_class_are_not()
    {
        using var scope = NewDisposeScope();
        using var one = Probed.Linear(1);
        var white = new WhiteImages(one.Model.Input, 0.05);
        var single = one.Measure(white);
        Assert.Equal((48, 48L), (single.Rank!.Value, single.Unknowns));
        Assert.InRange(single.Condition!.Value, 1, 1e6);

        // Five classes give five rows whose sum is zero: at most four independent mixtures of six images.
        using var six = Probed.Linear(6);
        var crowd = six.Measure(white);
        Assert.Equal(6 * 48, crowd.Unknowns);
        Assert.InRange(crowd.Rank!.Value, 4 * 48, 4 * 48 + 4 * 6);
        Assert.True(crowd.Rank < crowd.Unknowns);
        Assert.Null(crowd.At(1e-6).Ceilings.Unbiased);
        Assert.True(crowd.At(1e-6).Directions.High < crowd.Rank + 1e-6);
    }
}
